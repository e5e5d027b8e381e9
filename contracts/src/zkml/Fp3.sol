// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Goldilocks} from "./Goldilocks.sol";
import {ProofErrors} from "./ProofErrors.sol";

/// @notice An element a0 + a1 X + a2 X^2 of F_p[X] / (X^3 - 2), p = Goldilocks.MODULUS, as a0 << 128 | a1 << 64 | a2.
/// The parts are always canonical, so elements are equal when their words are. docs/proof.md, "Field", is normative.
type Fp3 is uint256;

using {add as +, sub as -, mul as *, equal as ==, unequal as !=} for Fp3 global;
using {mulAdd, times, twice, inverse, parts} for Fp3 global;

Fp3 constant ZERO = Fp3.wrap(0);
Fp3 constant ONE = Fp3.wrap(1 << 128);

/// @dev The modulus again: assembly takes literals only.
uint256 constant P = 0xffffffff00000001;
uint256 constant MASK = 0xffffffffffffffff;
/// @dev What carries out of a part that is p or more: 2^64 - p for each part, and the bits behind each.
uint256 constant FILL = 0x00000000ffffffff00000000ffffffff00000000ffffffff;
uint256 constant CARRIES = 1 << 192 | 1 << 128 | 1 << 64;

/// @notice The element with these parts, each taken mod p.
function fp3(uint256 a0, uint256 a1, uint256 a2) pure returns (Fp3 a) {
    assembly ("memory-safe") {
        a := or(or(shl(128, mod(a0, P)), shl(64, mod(a1, P))), mod(a2, P))
    }
}

/// @notice True when the three words of `word` (below 2^192) are below p.
/// @dev A word w is p or more when w + 2^64 - p carries. The lowest carry is not caused by another, so there is one
/// somewhere exactly when a word is too large.
function isCanonical(uint256 word) pure returns (bool) {
    unchecked {
        return ((word + FILL) ^ word ^ FILL) & CARRIES == 0;
    }
}

function parts(Fp3 a) pure returns (uint256 a0, uint256 a1, uint256 a2) {
    assembly ("memory-safe") {
        a0 := shr(128, a)
        a1 := and(shr(64, a), MASK)
        a2 := and(a, MASK)
    }
}

function equal(Fp3 a, Fp3 b) pure returns (bool) {
    return Fp3.unwrap(a) == Fp3.unwrap(b);
}

function unequal(Fp3 a, Fp3 b) pure returns (bool) {
    return Fp3.unwrap(a) != Fp3.unwrap(b);
}

function add(Fp3 a, Fp3 b) pure returns (Fp3 c) {
    assembly ("memory-safe") {
        c := or(
            or(
                shl(128, addmod(shr(128, a), shr(128, b), P)),
                shl(64, addmod(and(shr(64, a), MASK), and(shr(64, b), MASK), P))
            ),
            addmod(and(a, MASK), and(b, MASK), P)
        )
    }
}

function sub(Fp3 a, Fp3 b) pure returns (Fp3 c) {
    assembly ("memory-safe") {
        c := or(
            or(
                shl(128, addmod(shr(128, a), sub(P, shr(128, b)), P)),
                shl(64, addmod(and(shr(64, a), MASK), sub(P, and(shr(64, b), MASK)), P))
            ),
            addmod(and(a, MASK), sub(P, and(b, MASK)), P)
        )
    }
}

function twice(Fp3 a) pure returns (Fp3) {
    return add(a, a);
}

/// @dev Products are below 2^128, so sums are reduced once. X^3 = 2 brings back what goes beyond X^2.
function mul(Fp3 a, Fp3 b) pure returns (Fp3 c) {
    assembly ("memory-safe") {
        let a0 := shr(128, a)
        let a1 := and(shr(64, a), MASK)
        let a2 := and(a, MASK)
        let b0 := shr(128, b)
        let b1 := and(shr(64, b), MASK)
        let b2 := and(b, MASK)
        c := or(
            or(
                shl(128, mod(add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))), P)),
                shl(64, mod(add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))), P))
            ),
            mod(add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)), P)
        )
    }
}

/// @notice a * b + c.
function mulAdd(Fp3 a, Fp3 b, Fp3 c) pure returns (Fp3 d) {
    assembly ("memory-safe") {
        let a0 := shr(128, a)
        let a1 := and(shr(64, a), MASK)
        let a2 := and(a, MASK)
        let b0 := shr(128, b)
        let b1 := and(shr(64, b), MASK)
        let b2 := and(b, MASK)
        let s0 := add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1))))
        let s1 := add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2)))
        let s2 := add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0))
        d := or(
            or(
                shl(128, mod(add(s0, shr(128, c)), P)),
                shl(64, mod(add(s1, and(shr(64, c), MASK)), P))
            ),
            mod(add(s2, and(c, MASK)), P)
        )
    }
}

/// @notice a * b + c * d.
function sumOfTwo(Fp3 a, Fp3 b, Fp3 c, Fp3 d) pure returns (Fp3 sum) {
    assembly ("memory-safe") {
        let s0
        let s1
        let s2
        {
            let a0 := shr(128, a)
            let a1 := and(shr(64, a), MASK)
            let a2 := and(a, MASK)
            let b0 := shr(128, b)
            let b1 := and(shr(64, b), MASK)
            let b2 := and(b, MASK)
            s0 := add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1))))
            s1 := add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2)))
            s2 := add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0))
        }
        let c0 := shr(128, c)
        let c1 := and(shr(64, c), MASK)
        let c2 := and(c, MASK)
        let d0 := shr(128, d)
        let d1 := and(shr(64, d), MASK)
        let d2 := and(d, MASK)
        s0 := add(s0, add(mul(c0, d0), shl(1, add(mul(c1, d2), mul(c2, d1)))))
        s1 := add(s1, add(add(mul(c0, d1), mul(c1, d0)), shl(1, mul(c2, d2))))
        s2 := add(s2, add(add(mul(c0, d2), mul(c1, d1)), mul(c2, d0)))
        sum := or(or(shl(128, mod(s0, P)), shl(64, mod(s1, P))), mod(s2, P))
    }
}

/// @notice a * k, of a number k.
function times(Fp3 a, uint256 k) pure returns (Fp3 c) {
    assembly ("memory-safe") {
        c := or(
            or(shl(128, mulmod(shr(128, a), k, P)), shl(64, mulmod(and(shr(64, a), MASK), k, P))),
            mulmod(and(a, MASK), k, P)
        )
    }
}

/// @notice The sum of a[i] * b[j] over `count` neighbours, i from `fromA` and j from `fromB` on.
function sumOfProducts(Fp3[] memory a, uint256 fromA, Fp3[] memory b, uint256 fromB, uint256 count)
    pure
    returns (Fp3 c)
{
    if (fromA + count > a.length || fromB + count > b.length) revert ProofErrors.BadRange();
    assembly ("memory-safe") {
        a := add(a, shl(5, add(fromA, 1)))
        b := add(b, shl(5, add(fromB, 1)))
        let s1 := 0
        let s2 := 0
        for { count := add(a, shl(5, count)) } lt(a, count) { a := add(a, 32) } {
            let a2 := mload(a)
            let a0 := shr(128, a2)
            let a1 := and(shr(64, a2), MASK)
            a2 := and(a2, MASK)
            let b2 := mload(b)
            let b0 := shr(128, b2)
            let b1 := and(shr(64, b2), MASK)
            b2 := and(b2, MASK)
            c := add(c, add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))))
            s1 := add(s1, add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))))
            s2 := add(s2, add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)))
            b := add(b, 32)
        }
        c := or(or(shl(128, mod(c, P)), shl(64, mod(s1, P))), mod(s2, P))
    }
}

/// @notice values[0] + x values[1] + x^2 values[2] .. + x^k behind, of k values.
function horner(Fp3[] memory values, Fp3 x, Fp3 behind) pure returns (Fp3 sum) {
    assembly ("memory-safe") {
        let x0 := shr(128, x)
        let x1 := and(shr(64, x), MASK)
        let x2 := and(x, MASK)
        let s0 := shr(128, behind)
        let s1 := and(shr(64, behind), MASK)
        let s2 := and(behind, MASK)
        for { let at := add(values, shl(5, mload(values))) } gt(at, values) { at := sub(at, 32) } {
            let value := mload(at)
            let t0 := add(shr(128, value), add(mul(s0, x0), shl(1, add(mul(s1, x2), mul(s2, x1)))))
            let t1 :=
                add(
                    and(shr(64, value), MASK),
                    add(add(mul(s0, x1), mul(s1, x0)), shl(1, mul(s2, x2)))
                )
            s2 := mod(add(and(value, MASK), add(add(mul(s0, x2), mul(s1, x1)), mul(s2, x0))), P)
            s0 := mod(t0, P)
            s1 := mod(t1, P)
        }
        sum := or(or(shl(128, s0), shl(64, s1)), s2)
    }
}

/// @notice 1 / a.
/// @dev The norm of a, its product with its two conjugates, lies in F_p; b is the product of the conjugates.
function inverse(Fp3 a) pure returns (Fp3) {
    (uint256 a0, uint256 a1, uint256 a2) = parts(a);
    unchecked {
        uint256 b0 = (a0 * a0 + 2 * a1 * (P - a2)) % P;
        uint256 b1 = (2 * a2 * a2 + a0 * (P - a1)) % P;
        uint256 b2 = (a1 * a1 + a0 * (P - a2)) % P;
        uint256 s = Goldilocks.inverse((a0 * b0 + 2 * (a2 * b1 + a1 * b2)) % P);
        return fp3(b0 * s, b1 * s, b2 * s);
    }
}
