"""OpenBLAS as a peer for matrix products alone.

    peer_openblas.py system|numpy THREADS

`system` is the distribution's library, as set-up-peers.sh unpacked it or else as installed; `numpy` the one that
numpy brings. Its kernels are those that OPENBLAS_CORETYPE names, or its own choice: the variable is read while
the library loads. It says {"peer": "OpenBLAS", "version": "... core"} at start; asked {"product": [m, k, n]} it
says {"seconds": 0.01}, the best of some calls. B is a linear layer's weight, [n, k].
"""

import ctypes
import json
import pathlib
import sys
import time

import numpy


def open_library(which):
    if which == "numpy":
        libraries = pathlib.Path(numpy.__file__).parent.parent / "numpy.libs"
        return ctypes.CDLL(str(next(libraries.glob("libscipy_openblas*.so"))))
    folder = next(pathlib.Path(sys.prefix).glob("openblas/usr/lib/*/openblas-pthread"), None)
    if not folder:
        return ctypes.CDLL("libopenblas.so.0")
    # What it was linked with lies beside it, if not in the system.
    for name in ("libquadmath.so.0", "libgfortran.so.5"):
        if (folder.parent / name).exists():
            ctypes.CDLL(str(folder.parent / name), ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(folder / "libopenblas.so.0"))


# Seconds for which a product is repeated.
TRIED = 0.2


class OpenBLAS:
    def __init__(self, which, threads):
        library = open_library(which)
        # numpy's build has its own names, and 64-bit integers.
        prefix, suffix = next(
            (p, s) for p in ("", "scipy_") for s in ("", "64_") if hasattr(library, f"{p}cblas_sgemm{s}"))
        self.integer = ctypes.c_int64 if suffix else ctypes.c_int32
        self.sgemm = getattr(library, f"{prefix}cblas_sgemm{suffix}")
        self.sgemm.restype = None
        getattr(library, f"{prefix}openblas_set_num_threads{suffix}")(ctypes.c_int(threads))
        names = []
        for function in ("config", "corename"):
            call = getattr(library, f"{prefix}openblas_get_{function}{suffix}")
            call.restype = ctypes.c_char_p
            names.append(call().decode())
        self.version = f"{' '.join(names[0].split()[:2])}, {names[1]} kernels"
        self.operands = {}

    def product(self, m, k, n):
        if (m, k, n) not in self.operands:
            generator = numpy.random.default_rng(1)
            a, b = (generator.standard_normal(shape, numpy.float32) for shape in ((m, k), (n, k)))
            self.operands[m, k, n] = a, b, numpy.empty((m, n), numpy.float32)
        a, b, c = (ctypes.c_void_p(array.ctypes.data) for array in self.operands[m, k, n])
        rows, depth, columns = map(self.integer, (m, k, n))
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        # 101: row-major; 111, 112: A as it is, B transposed.
        self.sgemm(101, 111, 112, rows, columns, depth, one, a, depth, b, depth, zero, c, columns)

    def seconds(self, m, k, n):
        best, start = float("inf"), time.perf_counter()
        while time.perf_counter() - start < TRIED:
            began = time.perf_counter()
            self.product(m, k, n)
            best = min(best, time.perf_counter() - began)
        return best


def main():
    library = OpenBLAS(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"peer": "OpenBLAS", "version": library.version}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": library.seconds(*json.loads(line)["product"])}), flush=True)


if __name__ == "__main__":
    main()
