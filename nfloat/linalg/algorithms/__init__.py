"""Textbook algorithms in which every operation is rounded: `nf.linalg.solve` and its kind, `nf.fft`, `nf.polyval`.

``calculation`` (the rounded operations, and what the arguments of all of them mean), ``lu`` (`lu`, `solve`, `inv`,
`det`), ``refinement`` (of a solution), ``triangular`` (substitution), ``cholesky``, ``householder`` (`qr`, `lstsq`),
``jacobi`` (`eigh`), ``norms`` (`norm`), ``fourier`` (`fft`, `ifft`), ``polynomials`` (`polyval`, `convolve`).
"""
