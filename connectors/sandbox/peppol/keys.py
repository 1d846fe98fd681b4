"""RSA keys of the imitated network: the same in every process, there at once, worth nothing outside the
sandbox.

Each prime is the first one at or after a number that follows from the key's name. How far away it lies was
looked up once and stands in the table, for the search takes seconds; a name that is not in the table is
searched for.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["DISTANCES", "distance", "key", "start"]

_EXPONENT: Final = 65537
_LEAF_BITS: Final = 2048
# Name of the key: bits, and for p and q how many odd numbers after the start the prime is.
DISTANCES: Final[dict[str, tuple[int, int, int]]] = {
    "root": (4096, 1037, 445),
    "ap-ca": (4096, 843, 66),
    "smp-ca": (4096, 664, 53),
    "foreign-ca": (4096, 1901, 367),
    "gateway": (2048, 59, 159),
    "gateway-next": (2048, 146, 493),
    "ap2": (2048, 456, 395),
    "ap3": (2048, 101, 587),
    "ap4": (2048, 87, 142),
    "smp": (2048, 106, 241),
    "smp-two": (2048, 67, 522),
    "expired": (2048, 443, 113),
    "revoked": (2048, 218, 444),
    "not-yet-valid": (2048, 210, 425),
    "foreign": (2048, 404, 544),
    "wrong-name": (2048, 82, 231),
    "smp-revoked": (2048, 1491, 333),
}
_SMALL: Final = tuple(n for n in range(3, 4000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """The key of this name; names outside the table give keys of 2048 bits, after a search of about a
    second."""
    bits, after_p, after_q = DISTANCES.get(name) or (
        _LEAF_BITS,
        distance(name, "p", _LEAF_BITS),
        distance(name, "q", _LEAF_BITS),
    )
    p = start(name, "p", bits) + 2 * after_p
    q = start(name, "q", bits) + 2 * after_q
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        rsa.rsa_crt_dmp1(d, p),
        rsa.rsa_crt_dmq1(d, q),
        rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    # OpenSSL would test the primes again each time.
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def start(name: str, which: str, bits: int) -> int:
    """The odd number from which the prime `which` ("p" or "q") of a key of so many bits is searched."""
    size = bits // 2
    stream = hashlib.shake_256(f"erp-einvoicing-gateway sandbox peppol {name} {which}".encode())
    number = int.from_bytes(stream.digest(size // 8), "big")
    return number | 1 | (3 << (size - 2))


def distance(name: str, which: str, bits: int) -> int:
    """How many odd numbers after `start` the first usable prime comes."""
    first = start(name, which, bits)
    after = 0
    while not _usable(first + 2 * after):
        after += 1
    return after


def _usable(number: int) -> bool:
    if any(number % small == 0 for small in _SMALL) or (number - 1) % _EXPONENT == 0:
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, base, odd, twos) for base in _SMALL[:8])


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    """Miller and Rabin's test for one base; for numbers that nobody chose to deceive it, eight are plenty."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
