/* The LSTM of network.py, lives of a bandit, and the random words of noise.py: what training spends
 * its time on. Compiled and called by native.py; what is meant is said there, in PyTorch.
 *
 * Lives come in blocks of 16, and a block is played, or gone back through, from one end to the
 * other without a look at any other: so threads, which share the blocks, wait for each other once.
 * Vectors are of 8 or of 16 lives (LANES), as the processor has them. Every sum is taken in an
 * order that is written here, so that the bits of a result depend neither on the agents beside it,
 * nor on a library's choice of algorithm, nor on the number of threads, nor on the vectors' length.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t whole __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
/* tiles are as large as the registers that the processor has: 16 of 8 lanes, 32 of 16 */
#if LANES == 16
enum { ROWS = 24, DOWN = 6 };
INLINE vec min(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vec max(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
#else
enum { ROWS = 6, DOWN = 3 };
INLINE vec min(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vec max(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
#endif
enum { BLOCK = 16, PER = BLOCK / LANES, ACROSS = 4, STAGES = 4 };
const int rows_in_a_tile = ROWS;

#define AT(pointer) (*(vec *)(pointer))
#define LIKE(pointer) (*(const vec *)(pointer))
#define UP(n, to) (((n) + (to) - 1) / (to) * (to))
#define UNROLL _Pragma("GCC unroll 32")
#define ALIGNED __attribute__((aligned(64)))

/* An ensemble, see network.Ensemble, of which inputs, weights and heads are shaped as there: lives
 * last. What only this file reads lies block by block: (pulls, agents, blocks, ..., BLOCK). */
typedef struct {
    long threads, agents, rows, units, heads, lives, pulls;
    const int64_t *widths;        /* lives that are computed at each pull */
    const float *weights;         /* (agents, rows, 4 units + heads) */
    const float *forth, *back;    /* those of the gates and, rows for columns, those that read h, */
                                  /* packed for `product`, an agent's after another's */
    float *inputs;                /* z: (pulls + 1, agents, rows, lives) */
    float *gates, *cells, *small; /* o, i, f, g; c, first that of birth; tanh c */
    float *answers;               /* (pulls, agents, heads, lives) */
} Net;

INLINE vec all(float x) { return x - (vec){0}; }

/* NaN stays NaN: of two that do not compare the processor takes the second */
INLINE vec clamp(vec x, vec low, vec high) { return max(low, min(high, x)); }

/* 1 / (1 + e^-x), with e^y = 2^n e^r, n whole and |r| <= ln(2) / 2; the polynomial is Cephes' */
INLINE vec sigmoid(vec x)
{
    const vec round = all(12582912.0f); /* added, it rounds to a whole number */
    vec y = -clamp(x, all(-80.0f), all(80.0f));
    vec n = y * 1.44269504f + round;
    whole exponent = (whole)n << 23;
    n -= round;
    vec r = y - n * 0.693359375f - n * -2.12194440e-4f;
    vec p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return 1.0f / (1.0f + (vec)((whole)p + exponent));
}

INLINE vec tanh_of(vec x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }

/* c[r] = sum over k of a[r, k] b[k], for a few rows r and a block of lives */
INLINE void tile(int rows, long depth, const float *a, long to_row, long to_next, const float *b,
                 long b_next, float *c, long c_next)
{
    vec sum[ROWS][PER];
    UNROLL for (int r = 0; r < rows; r++)
        for (int p = 0; p < PER; p++) sum[r][p] = all(0.0f);
    for (long k = 0; k < depth; k++) {
        vec right[PER];
        for (int p = 0; p < PER; p++) right[p] = LIKE(b + k * b_next + p * LANES);
        UNROLL for (int r = 0; r < rows; r++)
            for (int p = 0; p < PER; p++) sum[r][p] += a[r * to_row + k * to_next] * right[p];
    }
    UNROLL for (int r = 0; r < rows; r++)
        for (int p = 0; p < PER; p++) AT(c + r * c_next + p * LANES) = sum[r][p];
}

/* The same for any number of rows; whole tiles of a from where they are packed, one after another,
 * in the order in which they are read: (rows / ROWS, depth, ROWS) */
INLINE void product(long rows, long depth, const float *packed, const float *a, long to_row,
                    long to_next, const float *b, long b_next, float *c, long c_next)
{
#define TILES(size)                                                                                \
    for (; r + size <= rows; r += size)                                                            \
        tile(size, depth, a + r * to_row, to_row, to_next, b, b_next, c + r * c_next, c_next);
    long r = 0;
    for (; packed && r + ROWS <= rows; r += ROWS)
        tile(ROWS, depth, packed + r * depth, 1, ROWS, b, b_next, c + r * c_next, c_next);
    TILES(6) TILES(2) TILES(1)
}

/* One pull of a block of lives, see network.Ensemble.step */
static void pull(const Net *net, long t, long e, long b)
{
    const long rows = net->rows, units = net->units, heads = net->heads, lives = net->lives;
    const long columns = 4 * units + heads, read = rows - 1 - units, gate = units * BLOCK;
    const long packed = 4 * units / ROWS * ROWS * rows, blocks = lives / BLOCK;
    const long here = t * net->agents + e, own = here * blocks + b, later = net->agents * blocks;
    const float *w = net->weights + e * rows * columns;
    const float *z = net->inputs + here * rows * lives + b * BLOCK, *c = net->cells + own * gate;
    float *o = net->gates + own * 4 * gate, *i = o + gate, *f = i + gate, *g = f + gate;
    float *after = net->cells + (own + later) * gate, *small = net->small + own * gate;
    float *h = net->inputs + ((here + net->agents) * rows + read + 1) * lives + b * BLOCK;
    product(4 * units, rows, net->forth + e * packed, w, 1, columns, z, lives, o, BLOCK);
    for (long at = 0; at < gate; at += LANES) {
        vec out = sigmoid(LIKE(o + at)), in = sigmoid(LIKE(i + at)), keep = sigmoid(LIKE(f + at));
        vec new = tanh_of(LIKE(g + at)), kept = keep * LIKE(c + at) + in * new;
        vec squashed = tanh_of(kept);
        AT(o + at) = out, AT(i + at) = in, AT(f + at) = keep, AT(g + at) = new;
        AT(after + at) = kept, AT(small + at) = squashed;
        AT(h + at / BLOCK * lives + at % BLOCK) = out * squashed;
    }
    product(heads, units + 1, NULL, w + read * columns + 4 * units, 1, columns, h - lives, lives,
            net->answers + here * heads * lives + b * BLOCK, lives);
}

void step(const Net *net, long t)
{
    const long blocks = UP(net->widths[t], BLOCK) / BLOCK;
#pragma omp parallel for collapse(2) schedule(dynamic) \
    num_threads(net->threads) if (net->threads > 1)
    for (long e = 0; e < net->agents; e++)
        for (long b = 0; b < blocks; b++) pull(net, t, e, b);
}

/* Whole lives of a bandit, see rollout.Rollout.play: risky where the logit is above its threshold,
 * which pays what it says; (pulls, agents, lives) both */
void play(const Net *net, const float *threshold, const float *pays)
{
    const long lives = net->lives, blocks = lives / BLOCK;
#pragma omp parallel for collapse(2) schedule(dynamic) \
    num_threads(net->threads) if (net->threads > 1)
    for (long e = 0; e < net->agents; e++)
        for (long b = 0; b < blocks; b++)
            for (long t = 0; t < net->pulls && b * BLOCK < net->widths[t]; t++) {
                const long here = t * net->agents + e, at = here * lives + b * BLOCK;
                const float *logit = net->answers + here * net->heads * lives + b * BLOCK;
                float *x = net->inputs + (here + net->agents) * net->rows * lives + b * BLOCK;
                pull(net, t, e, b);
                for (long i = 0; i < BLOCK; i++) {
                    float risky = logit[i] > threshold[at + i];
                    x[i] = risky * pays[at + i], x[lives + i] = risky, x[2 * lives + i] = 1 - risky;
                }
            }
}

/* into[life, row] = z[row, life] */
static void transpose(long rows, const float *z, long lives, float *into, long to_life)
{
    long r = 0;
    for (; r + 4 <= rows; r += 4)
        for (long i = 0; i < BLOCK; i += 4) {
            const float *from = z + r * lives + i;
            __m128 p = _mm_loadu_ps(from), q = _mm_loadu_ps(from + lives);
            __m128 s = _mm_loadu_ps(from + 2 * lives), t = _mm_loadu_ps(from + 3 * lives);
            _MM_TRANSPOSE4_PS(p, q, s, t);
            float *to = into + i * to_life + r;
            _mm_storeu_ps(to, p), _mm_storeu_ps(to + to_life, q);
            _mm_storeu_ps(to + 2 * to_life, s), _mm_storeu_ps(to + 3 * to_life, t);
        }
    for (; r < rows; r++)
        for (long i = 0; i < BLOCK; i++) into[i * to_life + r] = z[r * lives + i];
}

/* total[j, row] += sum over stages and lives of slope[stage, j, life] z[stage, life, row] */
INLINE void outer(int across, long stages, long columns, const float *slope, const float *z,
                  float *total, long rows)
{
    for (long j = 0; j < columns; j += DOWN) {
        vec sum[DOWN][ACROSS];
        for (int d = 0; d < DOWN; d++)
            for (int a = 0; a < across; a++) sum[d][a] = all(0.0f);
        for (long s = 0; s < stages; s++)
            for (long i = 0; i < BLOCK; i++) {
                const float *left = slope + (s * columns + j) * BLOCK + i;
                const float *right = z + (s * BLOCK + i) * rows;
                for (int a = 0; a < across; a++) {
                    vec read = LIKE(right + a * LANES);
                    for (int d = 0; d < DOWN; d++) sum[d][a] += left[d * BLOCK] * read;
                }
            }
        for (int d = 0; d < DOWN; d++)
            for (int a = 0; a < across; a++) AT(total + (j + d) * rows + a * LANES) += sum[d][a];
    }
}

/* The gradient of a block of lives, (columns, rows), both filled up: network.Ensemble.backward.
 * The slopes of a few pulls are kept, as a longer sum costs less than to begin it again. */
static void back(const Net *net, long e, long b, float bound, const float *heads_slope,
                 float *total)
{
    const long rows = net->rows, units = net->units, heads = net->heads, lives = net->lives;
    const long columns = 4 * units + heads, read = rows - 1 - units, gate = units * BLOCK;
    const long blocks = lives / BLOCK, down = UP(columns, DOWN), wide = UP(rows, LANES);
    const float *w = net->weights + (e * rows + read + 1) * columns;
    const float *packed = net->back + e * (units / ROWS * ROWS * columns);
    const vec high = all(bound), low = all(-bound);
    ALIGNED float slopes[(STAGES + 1) * down * BLOCK], z[STAGES * BLOCK * wide], dh[gate], dc[gate];
    memset(slopes, 0, sizeof slopes), memset(z, 0, sizeof z), memset(dc, 0, sizeof dc);
    memset(total, 0, sizeof(float) * down * wide);
    long t = 0, stage = 0;
    while (t < net->pulls && b * BLOCK < net->widths[t]) t++;
    for (t--; t >= -1; t--) {
        /* slopes of the gates at the pull after, then of the heads here */
        float *slope = slopes + stage * down * BLOCK, *dy = slope + 4 * gate;
        const long here = t * net->agents + e, own = here * blocks + b;
        const float *seen = net->inputs + (here + net->agents) * rows * lives + b * BLOCK;
        for (long j = 0; j < heads; j++)
            if (t < 0)
                memset(dy + j * BLOCK, 0, sizeof(float) * BLOCK);
            else
                memcpy(dy + j * BLOCK, heads_slope + (here * heads + j) * lives + b * BLOCK,
                       sizeof(float) * BLOCK);
        transpose(rows, seen, lives, z + stage * BLOCK * wide, wide);
        if (t >= 0) {
            const float *o = net->gates + own * 4 * gate, *i = o + gate, *f = i + gate;
            const float *g = f + gate, *c = net->cells + own * gate, *q = net->small + own * gate;
            float *next = slope + down * BLOCK;
            product(units, columns, packed, w, columns, 1, slope, BLOCK, dh, BLOCK);
            for (long at = 0; at < gate; at += LANES) {
                vec out = LIKE(o + at), in = LIKE(i + at), keep = LIKE(f + at), new = LIKE(g + at);
                vec small = LIKE(q + at), h = out * small, a = clamp(LIKE(dh + at), low, high);
                vec m = clamp(LIKE(dc + at) + a * (out - h * small), low, high);
                AT(next + at) = a * small * (out - out * out);
                AT(next + gate + at) = m * new * (in - in * in);
                AT(next + 2 * gate + at) = m * LIKE(c + at) * (keep - keep * keep);
                AT(next + 3 * gate + at) = m * in * (1.0f - new * new);
                AT(dc + at) = m * keep;
            }
        }
        stage++;
        /* always at the same pulls, however long the longest life */
        if ((t + 1) % STAGES == 0) {
            for (long r = 0; r < wide; r += ACROSS * LANES)
                switch (wide - r < ACROSS * LANES ? (wide - r) / LANES : ACROSS) {
                case 4: outer(4, stage, down, slopes, z + r, total + r, wide); break;
                case 3: outer(3, stage, down, slopes, z + r, total + r, wide); break;
                case 2: outer(2, stage, down, slopes, z + r, total + r, wide); break;
                case 1: outer(1, stage, down, slopes, z + r, total + r, wide); break;
                }
            memcpy(slopes, slopes + stage * down * BLOCK, sizeof(float) * 4 * gate);
            stage = 0;
        }
    }
}

/* How many numbers `backward` needs room for */
long room(const Net *net)
{
    return net->agents * (net->lives / BLOCK) * UP(4 * net->units + net->heads, DOWN) *
           UP(net->rows, LANES);
}

void backward(const Net *net, float bound, const float *heads_slope, float *gradient,
              float *totals)
{
    const long rows = net->rows, columns = 4 * net->units + net->heads;
    const long blocks = net->lives / BLOCK, wide = UP(rows, LANES), one = UP(columns, DOWN) * wide;
#pragma omp parallel num_threads(net->threads) if (net->threads > 1)
    {
#pragma omp for collapse(2) schedule(dynamic)
        for (long e = 0; e < net->agents; e++)
            for (long b = 0; b < blocks; b++)
                back(net, e, b, bound, heads_slope, totals + (e * blocks + b) * one);
#pragma omp for collapse(2) schedule(dynamic, 64)
        for (long e = 0; e < net->agents; e++)
            for (long j = 0; j < columns; j++)
                for (long r = 0; r < rows; r++) {
                    /* the heads do not read x */
                    const long from = j < 4 * net->units ? 0 : rows - 1 - net->units;
                    const float *p = totals + e * blocks * one + j * wide + r;
                    float sum = 0.0f;
                    for (long b = 0; b < blocks && r >= from; b++) sum += p[b * one];
                    gradient[(e * rows + r) * columns + j] = sum;
                }
    }
}

/* sums[t] += factor sums[t + 1], from the last to the first, see a2c.advantages: (pulls, lives) */
void accumulate(long pulls, long lives, float factor, float *sums)
{
    for (float *now = sums + (pulls - 2) * lives; now >= sums; now -= lives)
        for (long i = 0; i < lives; i++) now[i] += factor * now[lives + i];
}

/* Philox4x32-10, see noise.Noise.uniform: (4, pulls, agents, half) */
void uniform(long pulls, long agents, long half, uint32_t update, uint32_t stream,
             const int64_t *key, float *into)
{
    const long all = pulls * agents * half;
    for (long t = 0; t < pulls; t++)
        for (long e = 0; e < agents; e++)
            for (long i = 0; i < half; i++) {
                uint32_t c0 = t * half + i, c1 = update, c2 = stream, c3 = 0;
                uint32_t k0 = key[e], k1 = key[agents + e];
                for (int round = 0; round < 10; round++) {
                    uint64_t p0 = (uint64_t)c0 * 0xD2511F53, p1 = (uint64_t)c2 * 0xCD9E8D57;
                    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, c1 = p1;
                    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1, c3 = p0;
                    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
                }
                float *u = into + (t * agents + e) * half + i;
                u[0] = ((int32_t)(c0 >> 9) + 0.5f) * 0x1p-23f;
                u[all] = ((int32_t)(c1 >> 9) + 0.5f) * 0x1p-23f;
                u[2 * all] = ((int32_t)(c2 >> 9) + 0.5f) * 0x1p-23f;
                u[3 * all] = ((int32_t)(c3 >> 9) + 0.5f) * 0x1p-23f;
            }
}
