// OpenBLAS, found while the program runs: nothing is linked, so that a program without it starts.
//
// The library chooses its kernels while it is loaded, by the CPU's model number, and takes those of
// 2004 for a model that is newer than it: a sixth of the speed. The variable OPENBLAS_CORETYPE
// overrules it, which is why it is loaded here, after the variable was set by what the CPU can do.

#ifndef DENJU_COPENBLAS_H
#define DENJU_COPENBLAS_H

/// How operands lie, as CBLAS counts it.
enum { DENJU_ROW_MAJOR = 101, DENJU_PLAIN = 111, DENJU_TRANSPOSED = 112 };

/// The library's functions, each on the calling thread alone.
typedef struct {
  /// As "0.3.21".
  char version[24];
  /// The family of CPUs whose kernels are used, as "SkylakeX".
  char core[24];

  /// C = alpha op(A) op(B) + beta C, as `cblas_sgemm`.
  void (*sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                const float *a, int a_stride, const float *b, int b_stride, float beta, float *c,
                int c_stride);

  /// LAPACK's of these names; the last arguments are the lengths of the texts.
  void (*dsyevd)(const char *job, const char *triangle, const int *n, double *a, const int *stride,
                 double *values, double *work, const int *work_count, int *integers,
                 const int *integer_count, int *status, long, long);
  void (*dposv)(const char *triangle, const int *n, const int *columns, double *a,
                const int *a_stride, double *b, const int *b_stride, int *status, long);
} denju_openblas;

/// Loads `libopenblas.so.0` with one thread and the kernels for this CPU, or those that
/// OPENBLAS_CORETYPE names already; null where there is none. It changes the environment for that
/// time: to be called once, before other threads read it.
const denju_openblas *denju_openblas_load(void);

/// The eigenvalues, ascending, of a symmetric matrix [n, n], whose rows become the eigenvectors.
/// Its lower triangle is read. Not 0 where it fails.
int denju_openblas_eigen(const denju_openblas *library, int n, double *matrix, double *values);

/// Solves A X = B for a symmetric positive definite A [n, n], which is overwritten; `right` has B's
/// columns one behind the other and gets X's. Not 0 where A is not positive definite.
int denju_openblas_solve(const denju_openblas *library, int n, int columns, double *matrix,
                         double *right);

#endif
