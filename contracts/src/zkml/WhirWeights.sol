// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, ONE, P} from "./Fp3.sol";
import {Goldilocks} from "./Goldilocks.sol";
import {LANES, Lanes} from "./Lanes.sol";
import {TWICE_P} from "./Points.sol";

/// @title What claims on a vector sum over, at one point
/// @notice The twin of src/imo/zkml/weight.cpp; docs/proof.md, "WHIR", is normative ("Weights").
library WhirWeights {
    /// @notice Bytes for a pair in the table of pairs().
    uint256 internal constant PAIR = 256;

    /// @dev The modulus on both lanes, and twice that plus 1 on the lower one.
    uint256 private constant P_LANES = 0xffffffff00000001000000000000000000000000ffffffff00000001;
    uint256 private constant TWICE_P_LANES_AND_ONE =
        0x1fffffffe00000002000000000000000000000001fffffffe00000003;

    /// @notice The weights of claims at r[from] .. r[from + count - 1], of the last of them alone, the last two, and so
    /// on: what belongs to bits `b` of the last d variables is entry 2^d + b. Entry 0 is unused.
    function pointWeights(Fp3[] memory r, uint256 from, uint256 count)
        internal
        pure
        returns (Fp3[] memory weights)
    {
        weights = new Fp3[](2 << count);
        weights[1] = ONE;
        assembly ("memory-safe") {
            let parent := add(weights, 64)
            let children := add(weights, 96)
            let end := add(weights, shl(5, add(1, shl(add(count, 1), 1))))
            let at := add(r, shl(5, add(from, count)))
            for { let left := 1 } lt(children, end) { left := shl(1, left) } {
                let x0 := mload(at)
                let x1 := and(shr(64, x0), MASK)
                let x2 := and(x0, MASK)
                x0 := shr(128, x0)
                at := sub(at, 32)
                for { let last := add(parent, shl(5, left)) } lt(parent, last) {} {
                    let all := mload(parent)
                    parent := add(parent, 32)
                    let w0 := shr(128, all)
                    let w1 := and(shr(64, all), MASK)
                    all := and(all, MASK)
                    let u0 := mod(add(mul(w0, x0), shl(1, add(mul(w1, x2), mul(all, x1)))), P)
                    let u1 := mod(add(add(mul(w0, x1), mul(w1, x0)), shl(1, mul(all, x2))), P)
                    let u2 := mod(add(add(mul(w0, x2), mul(w1, x1)), mul(all, x0)), P)
                    mstore(add(children, 32), or(or(shl(128, u0), shl(64, u1)), u2))
                    mstore(
                        children,
                        or(
                            or(
                                shl(128, addmod(w0, sub(P, u0), P)),
                                shl(64, addmod(w1, sub(P, u1), P))
                            ),
                            addmod(all, sub(P, u2), P)
                        )
                    )
                    children := add(children, 64)
                }
            }
        }
    }

    /// @notice The value of the multilinear polynomial with these 2^k values at the last k coordinates of r.
    /// @param values Overwritten.
    function evaluateAtEnd(Fp3[] memory values, Fp3[] memory r) internal pure returns (Fp3) {
        uint256 count = 1;
        for (uint256 left = values.length; left > 1; left /= 2) {
            ++count;
        }
        assembly ("memory-safe") {
            let first := add(values, 32)
            let at := add(r, shl(5, sub(add(mload(r), 2), count)))
            for { let size := shl(5, mload(values)) } gt(size, 32) { at := add(at, 32) } {
                let x0 := mload(at)
                let x1 := and(shr(64, x0), MASK)
                let x2 := and(x0, MASK)
                x0 := shr(128, x0)
                size := shr(1, size)
                // low + x (high - low), for each pair
                for { let b := 0 } lt(b, size) { b := add(b, 32) } {
                    let pair := add(first, shl(1, b))
                    let low := mload(pair)
                    let d2 := mload(add(pair, 32))
                    let d0 := add(shr(128, d2), sub(P, shr(128, low)))
                    let d1 := add(and(shr(64, d2), MASK), sub(P, and(shr(64, low), MASK)))
                    d2 := add(and(d2, MASK), sub(P, and(low, MASK)))
                    let s0 := add(mul(x0, d0), shl(1, add(mul(x1, d2), mul(x2, d1))))
                    let s1 := add(add(mul(x0, d1), mul(x1, d0)), shl(1, mul(x2, d2)))
                    d2 := add(add(mul(x0, d2), mul(x1, d1)), mul(x2, d0))
                    mstore(
                        add(first, b),
                        or(
                            or(
                                shl(128, mod(add(s0, shr(128, low)), P)),
                                shl(64, mod(add(s1, and(shr(64, low), MASK)), P))
                            ),
                            mod(add(d2, and(low, MASK)), P)
                        )
                    )
                }
            }
        }
        return values[0];
    }

    /// @notice sum_b coefficients[b] x^b for x in F_p, at most 2^30 of them.
    /// @param table Of Lanes.forBase(), for the coefficients, whose number is a multiple of 4.
    function evaluateUnivariate(uint256 table, uint256 count, uint256 x)
        internal
        pure
        returns (Fp3)
    {
        uint256 lanes;
        uint256 third;
        assembly ("memory-safe") {
            let power := 1
            for { let end := add(table, shl(6, count)) } lt(table, end) { table := add(table, 256) }
            {
                lanes := add(lanes, mulmod(power, mload(table), LANES))
                third := add(third, mul(power, mload(add(table, 32))))
                power := mulmod(power, x, P)
                lanes := add(lanes, mulmod(power, mload(add(table, 64)), LANES))
                third := add(third, mul(power, mload(add(table, 96))))
                power := mulmod(power, x, P)
                lanes := add(lanes, mulmod(power, mload(add(table, 128)), LANES))
                third := add(third, mul(power, mload(add(table, 160))))
                power := mulmod(power, x, P)
                lanes := add(lanes, mulmod(power, mload(add(table, 192)), LANES))
                third := add(third, mul(power, mload(add(table, 224))))
                power := mulmod(power, x, P)
            }
        }
        return Lanes.join(lanes, third);
    }

    /// @notice The weight of powers of z at r[from] .. r[to - 1], the product of 1 + r_j (z^(2^(j - from)) - 1).
    /// @return product The weight.
    /// @return next z^(2^(to - from)).
    function powers(Fp3 z, Fp3[] memory r, uint256 from, uint256 to)
        internal
        pure
        returns (Fp3 product, Fp3 next)
    {
        product = ONE;
        next = z;
        assembly ("memory-safe") {
            let end := add(r, shl(5, add(to, 1)))
            for { let at := add(r, shl(5, add(from, 1))) } lt(at, end) { at := add(at, 32) } {
                // 1 + r_j (z - 1), whose parts are below 2^132 and stay as they are.
                let f0
                let f1
                let f2
                {
                    let z0 := add(shr(128, next), sub(P, 1))
                    let z1 := and(shr(64, next), MASK)
                    let z2 := and(next, MASK)
                    let r0 := mload(at)
                    let r1 := and(shr(64, r0), MASK)
                    let r2 := and(r0, MASK)
                    r0 := shr(128, r0)
                    f0 := add(add(1, mul(r0, z0)), shl(1, add(mul(r1, z2), mul(r2, z1))))
                    f1 := add(add(mul(r0, z1), mul(r1, z0)), shl(1, mul(r2, z2)))
                    f2 := add(add(mul(r0, z2), mul(r1, z1)), mul(r2, z0))
                }
                {
                    let p0 := shr(128, product)
                    let p1 := and(shr(64, product), MASK)
                    let p2 := and(product, MASK)
                    product := or(
                        or(
                            shl(
                                128,
                                mod(add(mul(p0, f0), shl(1, add(mul(p1, f2), mul(p2, f1)))), P)
                            ),
                            shl(64, mod(add(add(mul(p0, f1), mul(p1, f0)), shl(1, mul(p2, f2))), P))
                        ),
                        mod(add(add(mul(p0, f2), mul(p1, f1)), mul(p2, f0)), P)
                    )
                }
                // z^2
                let z0 := shr(128, next)
                let z1 := and(shr(64, next), MASK)
                let z2 := and(next, MASK)
                next := or(
                    or(
                        shl(128, mod(add(mul(z0, z0), shl(2, mul(z1, z2))), P)),
                        shl(64, mod(shl(1, add(mul(z0, z1), mul(z2, z2))), P))
                    ),
                    mod(add(shl(1, mul(z0, z2)), mul(z1, z1)), P)
                )
            }
        }
    }

    /// @notice The weight of block `number` at r[from] .. r[to - 1], each coordinate a bit of the number.
    function block_(Fp3[] memory r, uint256 from, uint256 to, uint256 number)
        internal
        pure
        returns (Fp3 product)
    {
        product = ONE;
        unchecked {
            for (uint256 j = from; j < to; ++j) {
                product = product * (number & 1 != 0 ? r[j] : ONE - r[j]);
                number >>= 1;
            }
        }
    }

    /// @notice What powers() of x in F_p looks up: for each pair a, b of r[from] .. r[to - 1], the four coefficients of
    /// (1 + a (x - 1)) (1 + b (x^2 - 1)), as Lanes.forBase() has them; a missing b is 0.
    function pairs(Fp3[] memory r, uint256 from, uint256 to)
        internal
        pure
        returns (uint256 table, uint256 end)
    {
        assembly ("memory-safe") {
            table := mload(0x40)
            end := table
            let last := add(r, shl(5, add(to, 1)))
            for { let at := add(r, shl(5, add(from, 1))) } lt(at, last) { at := add(at, 64) } {
                // a, b and their product: the first two parts as lanes, and the third.
                let a := mload(at)
                let a2 := and(a, MASK)
                a := or(shl(160, and(shr(64, a), MASK)), shr(128, a))
                let b := 0
                if lt(add(at, 32), last) { b := mload(add(at, 32)) }
                let b2 := and(b, MASK)
                b := or(shl(160, and(shr(64, b), MASK)), shr(128, b))
                let both
                let both2
                {
                    let a0 := and(a, MASK)
                    let a1 := shr(160, a)
                    let b0 := and(b, MASK)
                    let b1 := shr(160, b)
                    both := or(
                        mod(add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))), P),
                        shl(160, mod(add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))), P))
                    )
                    both2 := mod(add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)), P)
                }
                // 1 - a - b + ab, a - ab, b - ab and ab; parts stay unreduced, below 2^66.
                mstore(end, sub(add(TWICE_P_LANES_AND_ONE, both), add(a, b)))
                mstore(add(end, 32), sub(add(TWICE_P, both2), add(a2, b2)))
                mstore(add(end, 64), sub(add(a, P_LANES), both))
                mstore(add(end, 96), sub(add(a2, P), both2))
                mstore(add(end, 128), sub(add(b, P_LANES), both))
                mstore(add(end, 160), sub(add(b2, P), both2))
                mstore(add(end, 192), both)
                mstore(add(end, 224), both2)
                end := add(end, PAIR)
            }
            mstore(0x40, end)
        }
    }

    /// @notice The weight of powers of x in F_p, as above, times `scale`.
    /// @param at Where in the table of pairs() to begin.
    /// @param end Behind the table.
    function powers(uint256 x, uint256 at, uint256 end, Fp3 scale)
        internal
        pure
        returns (Fp3 product)
    {
        assembly ("memory-safe") {
            // The product's three parts; a factor's are below 2^130 and stay as they are.
            product := shr(128, scale)
            let a1 := and(shr(64, scale), MASK)
            let a2 := and(scale, MASK)
            for {} lt(at, end) { at := add(at, PAIR) } {
                let x2 := mulmod(x, x, P)
                let x3 := mulmod(x2, x, P)
                let b0 :=
                    add(
                        add(mload(at), mulmod(mload(add(at, 64)), x, LANES)),
                        add(
                            mulmod(mload(add(at, 128)), x2, LANES),
                            mulmod(mload(add(at, 192)), x3, LANES)
                        )
                    )
                let b1 := shr(160, b0)
                b0 := shr(96, shl(96, b0))
                let b2 :=
                    add(
                        add(mload(add(at, 32)), mul(mload(add(at, 96)), x)),
                        add(mul(mload(add(at, 160)), x2), mul(mload(add(at, 224)), x3))
                    )
                x := mulmod(x2, x2, P)
                x2 := mod(add(mul(product, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))), P)
                x3 := mod(add(add(mul(product, b1), mul(a1, b0)), shl(1, mul(a2, b2))), P)
                a2 := mod(add(add(mul(product, b2), mul(a1, b1)), mul(a2, b0)), P)
                product := x2
                a1 := x3
            }
            product := or(or(shl(128, product), shl(64, a1)), a2)
        }
    }

    /// @notice What codePoint() looks up: for each group of four bits of a row's number, 16 products of roots of unity.
    function codePoints() internal pure returns (uint256 table) {
        uint256 root = Goldilocks.ROOT;
        assembly ("memory-safe") {
            table := mload(0x40)
            mstore(0x40, add(table, 4096))
            // Roots from w_32 down to w_1 stand in the places of single bits; then products fill the rest.
            for { let bit := 32 } bit {} {
                bit := sub(bit, 1)
                let group := add(table, shl(9, shr(2, bit)))
                mstore(add(group, shl(5, shl(and(bit, 3), 1))), root)
                root := mulmod(root, root, P)
            }
            for { let group := table } lt(group, add(table, 4096)) { group := add(group, 512) } {
                mstore(group, 1)
                for { let size := 64 } lt(size, 512) { size := shl(1, size) } {
                    let factor := mload(add(group, size))
                    for { let at := 32 } lt(at, size) { at := add(at, 32) } {
                        mstore(add(add(group, size), at), mulmod(factor, mload(add(group, at)), P))
                    }
                }
            }
        }
    }

    /// @notice The point that row `row` (below 2^32) of a codeword belongs to.
    /// @param table Of codePoints().
    function codePoint(uint256 table, uint256 row) internal pure returns (uint256 x) {
        assembly ("memory-safe") {
            x := mload(add(table, and(shl(5, row), 0x1e0)))
            x := mulmod(x, mload(add(add(table, 512), and(shl(1, row), 0x1e0))), P)
            x := mulmod(x, mload(add(add(table, 1024), and(shr(3, row), 0x1e0))), P)
            x := mulmod(x, mload(add(add(table, 1536), and(shr(7, row), 0x1e0))), P)
            x := mulmod(x, mload(add(add(table, 2048), and(shr(11, row), 0x1e0))), P)
            x := mulmod(x, mload(add(add(table, 2560), and(shr(15, row), 0x1e0))), P)
            if shr(24, row) {
                x := mulmod(x, mload(add(add(table, 3072), and(shr(19, row), 0x1e0))), P)
                x := mulmod(x, mload(add(add(table, 3584), and(shr(23, row), 0x1e0))), P)
            }
        }
    }
}
