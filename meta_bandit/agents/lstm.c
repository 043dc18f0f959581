/* The LSTM of network.py, in vectors of eight lives. Compiled and called by native.py.
 *
 * Arrays are those of network.Ensemble: lives last, single precision. Lives come in blocks of 16.
 * Every sum is taken in an order that is written here, so that the bits of a result depend neither
 * on the agents beside it nor on a library's choice of algorithm, nor on how many threads share the
 * work: each number is made by one of them.
 */
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_num_threads(void) { return 1; }
static int omp_get_thread_num(void) { return 0; }
#endif

typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i8 __attribute__((vector_size(32), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))
#define AT(pointer) (*(v8 *)(pointer))
#define LIKE(pointer) (*(const v8 *)(pointer))
enum { BLOCK = 16, ROWS = 6, DOWN = 3, ACROSS = 4 };

INLINE v8 all(float x) { return (v8){x, x, x, x, x, x, x, x}; }

INLINE v8 pick(i8 which, v8 a, v8 b) { return (v8)(((i8)a & which) | ((i8)b & ~which)); }

/* NaN stays NaN: a comparison with it is false, and x is the second */
INLINE v8 clamp(v8 x, v8 low, v8 high)
{
    x = pick(high < x, high, x);
    return pick(low > x, low, x);
}

/* 1 / (1 + e^-x), with e^y = 2^n e^r, n whole and |r| <= ln(2) / 2; the polynomial is Cephes' */
INLINE v8 sigmoid(v8 x)
{
    const v8 whole = all(12582912.0f); /* added, it rounds to a whole number */
    v8 y = -clamp(x, all(-80.0f), all(80.0f));
    v8 n = y * 1.44269504f + whole;
    i8 exponent = (i8)n << 23;
    n -= whole;
    v8 r = y - n * 0.693359375f - n * -2.12194440e-4f;
    v8 p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return 1.0f / (1.0f + (v8)((i8)p + exponent));
}

INLINE v8 tanh_of(v8 x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }

/* c[r] = sum over k of a[r, k] b[k], for a few rows r and a block of lives */
INLINE void tile(int rows, int depth, const float *a, long to_row, long to_next, const float *b,
                 float *c, long lives)
{
    v8 low[ROWS], high[ROWS];
    for (int r = 0; r < rows; r++) low[r] = high[r] = all(0.0f);
    for (int k = 0; k < depth; k++) {
        v8 left = LIKE(b + k * lives), right = LIKE(b + k * lives + 8);
        for (int r = 0; r < rows; r++) {
            v8 weight = all(a[r * to_row + k * to_next]);
            low[r] += weight * left;
            high[r] += weight * right;
        }
    }
    for (int r = 0; r < rows; r++) AT(c + r * lives) = low[r], AT(c + r * lives + 8) = high[r];
}

INLINE void product(int rows, int depth, const float *a, long to_row, long to_next, const float *b,
                    float *c, long lives)
{
    int r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        tile(ROWS, depth, a + r * to_row, to_row, to_next, b, c + r * lives, lives);
    for (; r < rows; r++)
        tile(1, depth, a + r * to_row, to_row, to_next, b, c + r * lives, lives);
}

/* One pull of all agents, see network.Ensemble.step. `packed` holds the gates' weights as they are
 * read here: (agents, 4 units / ROWS, rows, ROWS); what is left over is read from `weights`. */
void step(int threads, long agents, int rows, int units, int heads, long lives, long width,
          const float *weights, const float *packed, const float *z, float *gates,
          const float *cell, float *next_cell, float *squashed, float *next_z, float *out)
{
    const int columns = 4 * units + heads, read = rows - 1 - units;
    const int blocks = 4 * units / ROWS, done = blocks * ROWS, left = 4 * units - done;
    const long gate = units * lives;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long e = 0; e < agents; e++)
        for (long b = 0; b < width; b += BLOCK) {
            const float *w = weights + e * rows * columns, *c = cell + e * gate;
            float *o = gates + e * 4 * gate, *i = o + gate, *f = i + gate, *g = f + gate;
            float *after = next_cell + e * gate, *q = squashed + e * gate;
            float *h = next_z + (e * rows + read + 1) * lives;
            const float *seen = z + e * rows * lives + b;
            for (int j = 0; j < blocks; j++)
                tile(ROWS, rows, packed + (e * blocks + j) * rows * ROWS, 1, ROWS, seen,
                     o + j * ROWS * lives + b, lives);
            product(left, rows, w + done, 1, columns, seen, o + done * lives + b, lives);
            for (int u = 0; u < units; u++)
                for (long at = u * lives + b; at < u * lives + b + BLOCK; at += 8) {
                    v8 out = sigmoid(LIKE(o + at)), in = sigmoid(LIKE(i + at));
                    v8 keep = sigmoid(LIKE(f + at)), new = tanh_of(LIKE(g + at));
                    v8 kept = keep * LIKE(c + at) + in * new, small = tanh_of(kept);
                    AT(o + at) = out, AT(i + at) = in, AT(f + at) = keep, AT(g + at) = new;
                    AT(after + at) = kept, AT(q + at) = small, AT(h + at) = out * small;
                }
            product(heads, units + 1, w + read * columns + 4 * units, 1, columns, h - lives + b,
                    out + e * heads * lives + b, lives);
        }
}

/* sums[i, j] += z[i] s[j], summed over lives eight apart: eight sums for each weight */
INLINE void outer(int down, int across, long width, const float *z, const float *s, long lives,
                  float *sums, long columns)
{
    v8 total[DOWN][ACROSS], right[ACROSS];
    for (int i = 0; i < down; i++)
        for (int j = 0; j < across; j++) total[i][j] = LIKE(sums + (i * columns + j) * 8);
    for (long b = 0; b < width; b += 8) {
        for (int j = 0; j < across; j++) right[j] = LIKE(s + j * lives + b);
        for (int i = 0; i < down; i++)
            for (int j = 0; j < across; j++) total[i][j] += LIKE(z + i * lives + b) * right[j];
    }
    for (int i = 0; i < down; i++)
        for (int j = 0; j < across; j++) AT(sums + (i * columns + j) * 8) = total[i][j];
}

/* The k-th of n threads takes every n-th group of rows */
static void outer_product(int k, int n, int rows, long columns, long width, const float *z,
                          const float *s, long lives, float *sums)
{
    for (int i = k * DOWN; i < rows; i += n * DOWN) {
        if (i + DOWN > rows) {
            for (int r = i; r < rows; r++)
                for (long j = 0; j < columns; j++)
                    outer(1, 1, width, z + r * lives, s + j * lives, lives,
                          sums + (r * columns + j) * 8, columns);
            continue;
        }
        long j = 0;
        for (; j + ACROSS <= columns; j += ACROSS)
            outer(DOWN, ACROSS, width, z + i * lives, s + j * lives, lives,
                  sums + (i * columns + j) * 8, columns);
        for (; j < columns; j++)
            outer(DOWN, 1, width, z + i * lives, s + j * lives, lives,
                  sums + (i * columns + j) * 8, columns);
    }
}

/* The gradient of all pulls, see network.Ensemble.backward. `widths` are lives at each pull, in
 * whole blocks; `slope` (columns, lives), `memory` (2 units, lives) and `sums` (rows, columns, 8)
 * are room to work in. */
void backward(int threads, long pulls, long agents, int rows, int units, int heads, long lives,
              const int64_t *widths, float bound, const float *weights, const float *inputs,
              const float *gates, const float *cells, const float *squashes,
              const float *heads_slope, float *gradient, float *slope, float *memory, float *sums)
{
    const long columns = 4 * units + heads, gate = units * lives;
    const int read = rows - 1 - units;
    const v8 high = all(bound), low = all(-bound);
    float *dh = memory, *dc = memory + gate, *dy = slope + 4 * gate;
#pragma omp parallel num_threads(threads) if (threads > 1)
    for (long e = 0; e < agents; e++) {
        /* a thread has blocks of lives of its own, and sums of its own; between the two all wait */
        const int k = omp_get_thread_num(), n = omp_get_num_threads();
        const float *recurrent = weights + (e * rows + read + 1) * columns;
#pragma omp single
        {
            memset(slope, 0, sizeof(float) * columns * lives);
            memset(dc, 0, sizeof(float) * gate);
            memset(sums, 0, sizeof(float) * 8 * rows * columns);
        }
        for (long t = pulls - 1; t >= 0; t--) {
            const long width = widths[t], here = t * agents + e;
            const float *z = inputs + (here + agents) * rows * lives, *h = z + (read + 1) * lives;
            const float *o = gates + here * 4 * gate, *i = o + gate, *f = i + gate, *g = f + gate;
            const float *c = cells + here * gate, *q = squashes + here * gate;
            for (long b = k * BLOCK; b < width; b += n * BLOCK)
                for (int j = 0; j < heads; j++)
                    memcpy(dy + j * lives + b, heads_slope + (here * heads + j) * lives + b,
                           sizeof(float) * BLOCK);
#pragma omp barrier
            outer_product(k, n, rows, columns, width, z, slope, lives, sums);
#pragma omp barrier
            for (long b = k * BLOCK; b < width; b += n * BLOCK) {
                product(units, columns, recurrent, columns, 1, slope + b, dh + b, lives);
                for (int u = 0; u < units; u++)
                    for (long at = u * lives + b; at < u * lives + b + BLOCK; at += 8) {
                        v8 out = LIKE(o + at), in = LIKE(i + at), keep = LIKE(f + at);
                        v8 new = LIKE(g + at), small = LIKE(q + at);
                        v8 a = clamp(LIKE(dh + at), low, high);
                        v8 m = clamp(LIKE(dc + at) + a * (out - LIKE(h + at) * small), low, high);
                        AT(slope + at) = a * small * (out - out * out);
                        AT(slope + gate + at) = m * new * (in - in * in);
                        AT(slope + 2 * gate + at) = m * LIKE(c + at) * (keep - keep * keep);
                        AT(slope + 3 * gate + at) = m * in * (1.0f - new * new);
                        AT(dc + at) = m * keep;
                    }
            }
        }
#pragma omp barrier
#pragma omp single
        memset(dy, 0, sizeof(float) * heads * lives);
        outer_product(k, n, rows, columns, widths[0], inputs + e * rows * lives, slope, lives,
                      sums);
#pragma omp barrier
        float *into = gradient + e * rows * columns;
#pragma omp for schedule(static)
        for (long w = 0; w < rows * columns; w++) {
            const float *p = sums + 8 * w;
            into[w] = ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
        }
#pragma omp single
        for (int r = 0; r < read; r++)
            memset(into + r * columns + 4 * units, 0, sizeof(float) * heads);
    }
}
