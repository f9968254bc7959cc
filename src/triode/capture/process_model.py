"""Gaussian processes over the travel of knobs, one for each number that is heard of a take.

Kernel: a constant, a line in each knob, and a smooth part with a length scale for each knob; weak priors keep few takes
from being explained by anything. Rasmussen and Williams 2006, chapters 2 and 5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]

# Logarithms of what is usual: length scale, share of the smooth part, of the lines, of noise; and how sure that is.
USUAL_LENGTH, USUAL_SHARES = np.log(0.7), np.log([0.5, 0.5, 0.01])
LENGTH_SPREAD, SHARE_SPREAD = 1.0, 2.0
LENGTH_LIMITS, SHARE_LIMITS, NOISE_LIMITS = np.log([0.15, 10.0]), np.array([-7.0, 3.0]), np.log([1e-4, np.e])
MOST_ITERATIONS = 60


@dataclass(frozen=True)
class Process:
    """One process for each of several values: `variances` (values,), logarithms of `parameters` (values, knobs + 3)."""

    variances: Array
    parameters: Array

    def log_likelihood(self, travels: Array, values: Array, extra_noise: Array) -> float:
        """Log marginal likelihood of `values` (takes, values) at `travels` (takes, knobs)."""
        terms = zip(values.T, self.variances, self.parameters, strict=True)
        return float(sum(_log_likelihood(travels, z, v, p, extra_noise) for z, v, p in terms))

    def surprise(self, travels: Array, values: Array) -> Array:
        """RMS over the values of each take's standardised error when predicted from the others (takes,)."""
        squares = np.zeros(len(travels))
        for z, variance, parameters in zip(values.T, self.variances, self.parameters, strict=True):
            inverse = np.linalg.inv(_covariance(travels, variance, parameters, np.zeros(len(travels))))
            squares += (inverse @ z) ** 2 / np.diag(inverse)
        return np.asarray(np.sqrt(squares / values.shape[1]))


def fitted_process(travels: Array, values: Array, extra_noise: Array | None = None) -> Process:
    """The processes that make `values` (takes, values) at `travels` (takes, knobs) likeliest, given what is usual."""
    noise = np.zeros(len(travels)) if extra_noise is None else extra_noise
    knobs = travels.shape[1]
    start = np.concatenate([np.full(knobs, USUAL_LENGTH), USUAL_SHARES + np.array([0.0, 0.0, 0.7])])
    bounds = [LENGTH_LIMITS] * knobs + [SHARE_LIMITS, SHARE_LIMITS, NOISE_LIMITS]
    variances = np.var(values, axis=0) + 1e-12
    parameters = []
    for z, variance in zip(values.T, variances, strict=True):

        def badness(p: Array, z: Array = z, variance: float = variance) -> float:
            return -_log_likelihood(travels, z, variance, p, noise) - _log_prior(p)

        found = minimize(badness, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": MOST_ITERATIONS})
        parameters.append(found.x)
    return Process(variances, np.array(parameters))


def fitted_log_likelihood(travels: Array, values: Array, extra_noise: Array) -> float:
    """How likely `values` are at `travels` with parameters fitted to them, priors included."""
    process = fitted_process(travels, values, extra_noise)
    prior = sum(_log_prior(p) for p in process.parameters)
    return process.log_likelihood(travels, values, extra_noise) + prior


def _log_prior(parameters: Array) -> float:
    lengths = (parameters[:-3] - USUAL_LENGTH) / LENGTH_SPREAD
    shares = (parameters[-3:] - USUAL_SHARES) / SHARE_SPREAD
    return -0.5 * float(lengths @ lengths + shares @ shares)


def _covariance(travels: Array, variance: float, parameters: Array, extra_noise: Array) -> Array:
    knobs = travels.shape[1]
    scaled = travels / np.exp(parameters[:knobs])
    distances = np.sum((scaled[:, None] - scaled[None]) ** 2, axis=2)
    smooth, lines, noise = np.exp(parameters[knobs:])
    centred = travels - 0.5
    kernel = smooth * np.exp(-distances / 2) + lines * (centred @ centred.T) * 4 / knobs + 1.0
    return np.asarray(variance * (kernel + np.diag(noise + extra_noise)))


def _log_likelihood(travels: Array, z: Array, variance: float, parameters: Array, extra_noise: Array) -> float:
    factor = np.linalg.cholesky(_covariance(travels, variance, parameters, extra_noise))
    whitened = np.linalg.solve(factor, z)
    return -0.5 * float(whitened @ whitened) - float(np.sum(np.log(np.diag(factor))))
