#include "COpenBLAS.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// By what the CPU can do, not by its model's number. One name for all that give the same bits.
static const char *core_type(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512cd"))
    return "SKYLAKEX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "HASWELL";
  if (__builtin_cpu_supports("avx")) return "SANDYBRIDGE";
  if (__builtin_cpu_supports("sse4.2")) return "NEHALEM";
#endif
  return NULL;
}

// A variable of the environment that is set for a while.
typedef struct {
  const char *name;
  char *before;
} variable;

static variable set(const char *name, const char *value) {
  const char *before = getenv(name);
  variable changed = {name, before ? strdup(before) : NULL};
  setenv(name, value, 1);
  return changed;
}

static void restore(variable changed) {
  if (changed.before)
    setenv(changed.name, changed.before, 1);
  else
    unsetenv(changed.name);
  free(changed.before);
}

// Programs that this one starts must not inherit what is set here.
static void *open_library(void) {
  const char *core = core_type(), *asked = getenv("OPENBLAS_CORETYPE");
  variable threads = set("OPENBLAS_NUM_THREADS", "1"), type = {0};
  if (core && !(asked && *asked)) type = set("OPENBLAS_CORETYPE", core);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  restore(threads);
  if (type.name) restore(type);
  return library;
}

static void copy(char *to, size_t size, const char *from, size_t count) {
  count = count < size ? count : size - 1;
  memcpy(to, from, count);
  to[count] = 0;
}

const denju_openblas *denju_openblas_load(void) {
  static denju_openblas found;
  void *library = open_library();
  if (!library) return NULL;
  const char *(*config)(void) = (const char *(*)(void))dlsym(library, "openblas_get_config");
  const char *(*core)(void) = (const char *(*)(void))dlsym(library, "openblas_get_corename");
  void (*threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  *(void **)&found.sgemm = dlsym(library, "cblas_sgemm");
  *(void **)&found.dsyevd = dlsym(library, "dsyevd_");
  *(void **)&found.dposv = dlsym(library, "dposv_");
  if (!config || !core || !threads || !found.sgemm || !found.dsyevd || !found.dposv) return NULL;
  threads(1);
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
  const char *version = config();
  version += strcspn(version, " ");
  version += strspn(version, " ");
  copy(found.version, sizeof found.version, version, strcspn(version, " "));
  copy(found.core, sizeof found.core, core(), strlen(core()));
  return &found;
}

// The library's matrices lie column by column: our lower triangle is its upper one, and a column of
// its result is a row of ours.
int denju_openblas_eigen(const denju_openblas *library, int n, double *matrix, double *values) {
  int status = 0, count = -1, integer_count = -1, integers_wanted = 0;
  double wanted = 0;
  library->dsyevd("V", "U", &n, matrix, &n, values, &wanted, &count, &integers_wanted,
                  &integer_count, &status, 1, 1);
  if (status) return status;
  count = (int)wanted;
  integer_count = integers_wanted;
  double *work = malloc((size_t)count * sizeof *work);
  int *integers = malloc((size_t)integer_count * sizeof *integers);
  status = -1;
  if (work && integers)
    library->dsyevd("V", "U", &n, matrix, &n, values, work, &count, integers, &integer_count,
                    &status, 1, 1);
  free(work);
  free(integers);
  return status;
}

int denju_openblas_solve(const denju_openblas *library, int n, int columns, double *matrix,
                         double *right) {
  int status = 0;
  library->dposv("U", &n, &columns, matrix, &n, right, &n, &status, 1);
  return status;
}
