/* The recursion of stopping_solver.py, one task after another. Compiled and called by it; what is
 * meant is said there, in NumPy. A vector holds eight nodes of a quadrature. */
#include <math.h>
#include <string.h>

#ifdef CLONES /* for each kind of processor one, where the compiler can do that */
#define ANY_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ANY_PROCESSOR
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
/* the C library has these for vectors, too */
extern double exp(double) __attribute__((simd("notinbranch")));
extern double log(double) __attribute__((simd("notinbranch")));
#endif

enum { LANES = 8, SIDE = 4, MOST = 96, FUNCTIONS = 3 }; /* MOST: Chebyshev nodes */
typedef double vec __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

/* As in stopping_solver.Resolution and the constants there. */
typedef struct {
    long nodes, quadrature, newton_steps;
    double window, reach, crowding, newton_tolerance;
    const double *place, *weight; /* Gauss and Legendre's; to a multiple of 32, of weight 0 */
    const double *shares;         /* where Chebyshev's nodes are, as shares of the interval */
    const double *to_series;      /* (nodes, nodes) */
} Method;

/* What lies ahead after one more pull. */
typedef struct {
    double pulls_left, survival, threshold, length;
    vec series[FUNCTIONS][MOST]; /* each coefficient in all lanes */
} Ahead;

static double expected_pulls(double pulls, double survival)
{
    return survival == 1 ? pulls : (1 - pow(survival, pulls)) / (1 - survival);
}

/* sqrt(v_n - v_k) */
static double movement(double sigma_p, double sigma_l, double pulls, double later)
{
    double now = hypot(sqrt(pulls) * sigma_p, sigma_l), then = hypot(sqrt(later) * sigma_p, sigma_l);
    double moved = sqrt(later - pulls) * sigma_p * (sigma_p / then) * (sigma_l / now);
    return fmax(moved, later > pulls ? 2.2250738585072014e-308 : 0);
}

/* Expectations of the first functions, at one x, over the interval of the series; those of R_{n+1}
 * times the distance from x in units of d_n in `slope`, if that is asked for. */
static inline __attribute__((always_inline)) void expect(const Method *method, const Ahead *ahead,
    double x, double step, int functions, double *expected, double *slope)
{
    double low = fmax(ahead->threshold, x - method->window * step);
    double high = fmax(low, fmin(ahead->threshold + ahead->length, x + method->window * step));
    double half = (high - low) / 2, middle = (low - ahead->threshold) + half;
    double crowded = log1p(method->crowding), scale = method->crowding / ahead->length;
    double factor = half / step / sqrt(2 * M_PI);
    memset(expected, 0, FUNCTIONS * sizeof *expected);
    for (long start = 0; start < method->quadrature; start += SIDE * LANES) {
        /* one number after another, for the compiler to take several at a time */
        double place[SIDE * LANES], offs[SIDE * LANES], weight[SIDE * LANES];
        for (int i = 0; i < SIDE * LANES; i++) {
            double above = middle + half * method->place[start + i];
            offs[i] = (above + (ahead->threshold - x)) / step;
            weight[i] = exp(-0.5 * offs[i] * offs[i]);
            double share = 2 * log(1 + scale * above) / crowded - 1;
            place[i] = share < -1 ? -1 : share > 1 ? 1 : share;
        }
        vec at[SIDE], weights[SIDE], deviation[SIDE];
        memcpy(at, place, sizeof at);
        memcpy(weights, weight, sizeof weights);
        memcpy(deviation, offs, sizeof deviation);
        for (int v = 0; v < SIDE; v++)
            weights[v] *= *(const vec *)(method->weight + start + v * LANES) * factor;
        /* Clenshaw's recurrence; one chain of operations would wait for itself */
        vec one[FUNCTIONS][SIDE] = {0}, two[FUNCTIONS][SIDE] = {0};
        for (long j = method->nodes - 1; j > 0; j--)
            for (int f = 0; f < functions; f++)
                for (int v = 0; v < SIDE; v++) {
                    vec next = ahead->series[f][j] - two[f][v] + 2 * at[v] * one[f][v];
                    two[f][v] = one[f][v], one[f][v] = next;
                }
        for (int f = 0; f < functions; f++)
            for (int v = 0; v < SIDE; v++) {
                vec values = ahead->series[f][0] - two[f][v] + at[v] * one[f][v];
                for (int lane = 0; lane < LANES; lane++) {
                    double part = values[lane] * weights[v][lane];
                    expected[f] += part;
                    if (slope && !f) *slope += part * deviation[v][lane];
                }
            }
    }
}

static double leaving_now(const Ahead *ahead, double x, double step, double *density)
{
    double distance = (x - ahead->threshold) / step;
    *density = exp(-0.5 * distance * distance) / sqrt(2 * M_PI);
    return 0.5 * erfc(distance * M_SQRT1_2);
}

/* R_n, U_n and H_n at x. */
ANY_PROCESSOR
static void look_ahead(const Method *method, const Ahead *ahead, double x, double step,
                       double *functions)
{
    double density, leave = leaving_now(ahead, x, step, &density);
    expect(method, ahead, x, step, FUNCTIONS, functions, NULL);
    functions[0] += ahead->pulls_left * (step * density - x * leave);
    functions[1] += leave;
    for (int f = 0; f < FUNCTIONS; f++) functions[f] *= ahead->survival;
    functions[2] += functions[1];
}

/* The threshold b_n, by Newton's method. */
ANY_PROCESSOR
static double root(const Method *method, const Ahead *ahead, double step, double x)
{
    for (long turn = 0; turn < method->newton_steps; turn++) {
        double density, leave = leaving_now(ahead, x, step, &density);
        double expected[FUNCTIONS], slope = 0;
        expect(method, ahead, x, step, 1, expected, &slope);
        double later = ahead->pulls_left * (x * (1 - leave) + step * density) + expected[0];
        double steep = ahead->pulls_left * (1 - leave + ahead->threshold / step * density);
        double worth = x + ahead->survival * later;
        slope = 1 + ahead->survival * (steep + slope / step);
        double improved = fmin(x - worth / slope, ahead->threshold), moved = fabs(improved - x);
        x = improved;
        if (moved <= method->newton_tolerance * step) break;
    }
    return x;
}

/* One task: its functions at birth, and its thresholds, `stride` numbers apart. */
static void recursion(const Method *method, double sigma_p, double sigma_l, long lifetime,
                      double mean, double survival, double *functions, double *thresholds,
                      long stride)
{
    Ahead ahead = {.survival = survival, .threshold = 0, .length = 1};
    double drop = 0;
    thresholds[(lifetime - 1) * stride] = 0;
    memset(functions, 0, FUNCTIONS * sizeof *functions);
    for (long pulls = lifetime - 2; pulls >= 0; pulls--) {
        double step = movement(sigma_p, sigma_l, pulls, pulls + 1);
        ahead.pulls_left = expected_pulls(lifetime - 1 - pulls, survival);
        double here = root(method, &ahead, step, ahead.threshold - drop);
        thresholds[pulls * stride] = here;
        if (!pulls) {
            look_ahead(method, &ahead, mean, step, functions);
            break;
        }
        double length = method->reach * movement(sigma_p, sigma_l, pulls, lifetime - 1) - here;
        double values[MOST][FUNCTIONS];
        for (long i = 0; i < method->nodes; i++)
            look_ahead(method, &ahead, here + length * method->shares[i], step, values[i]);
        for (int f = 0; f < FUNCTIONS; f++)
            for (long j = 0; j < method->nodes; j++) {
                double sum = 0;
                for (long i = 0; i < method->nodes; i++)
                    sum += values[i][f] * method->to_series[i * method->nodes + j];
                ahead.series[f][j] = sum - (vec){0};
            }
        drop = ahead.threshold - here;
        ahead.threshold = here, ahead.length = length;
    }
}

/* All tasks; functions (tasks, FUNCTIONS), thresholds (longest lifetime, tasks). */
void solve(const Method *method, long tasks, const double *sigma_p, const double *sigma_l,
           const long *lifetime, const double *mean, double survival, double *functions,
           double *thresholds)
{
    for (long task = 0; task < tasks; task++)
        recursion(method, sigma_p[task], sigma_l[task], lifetime[task], mean[task], survival,
                  functions + task * FUNCTIONS, thresholds + task, tasks);
}
