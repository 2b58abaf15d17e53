"""The contenders, a module each; every module offers ``contender(s)(row, arrays, dy, mode, threads)``."""
