// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {Goldilocks} from "./Goldilocks.sol";

/// @title What claims on a vector sum over, at one point
/// @notice The twin of src/imo/zkml/weight.cpp; docs/proof.md, "WHIR", is normative ("Weights").
library WhirWeights {
    /// @dev The modulus again: assembly takes literals only.
    uint256 private constant P = 0xffffffff00000001;
    uint256 private constant MASK = 0xffffffffffffffff;

    /// @notice The 2^count weights of claims at r[from] .. r[from + count - 1], by index.
    function pointWeights(Fp3[] memory r, uint256 from, uint256 count)
        internal
        pure
        returns (Fp3[] memory weights)
    {
        unchecked {
            weights = new Fp3[](1 << count);
            weights[0] = ONE;
            for (uint256 j; j < count; ++j) {
                for (uint256 b; b < 1 << j; ++b) {
                    Fp3 high = weights[b] * r[from + j];
                    weights[b + (1 << j)] = high;
                    weights[b] = weights[b] - high;
                }
            }
        }
    }

    /// @notice The value of the multilinear polynomial with these 2^k values at the last k coordinates of r.
    /// @param values Overwritten.
    function evaluateAtEnd(Fp3[] memory values, Fp3[] memory r) internal pure returns (Fp3) {
        unchecked {
            uint256 size = values.length;
            uint256 at = r.length;
            for (uint256 left = size; left > 1; left /= 2) {
                --at;
            }
            for (; size > 1; ++at) {
                size /= 2;
                for (uint256 b; b < size; ++b) {
                    Fp3 low = values[2 * b];
                    values[b] = r[at].mulAdd(values[2 * b + 1] - low, low);
                }
            }
            return values[0];
        }
    }

    /// @notice sum_b coefficients[b] x^b for x in F_p. Products are below 2^128 and reduced once.
    function evaluateUnivariate(Fp3[] memory coefficients, uint256 x)
        internal
        pure
        returns (Fp3 value)
    {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            let s2 := 0
            let power := 1
            let at := add(coefficients, 32)
            let end := add(at, shl(5, mload(coefficients)))
            for {} lt(at, end) { at := add(at, 32) } {
                let coefficient := mload(at)
                s0 := add(s0, mul(power, shr(128, coefficient)))
                s1 := add(s1, mul(power, and(shr(64, coefficient), MASK)))
                s2 := add(s2, mul(power, and(coefficient, MASK)))
                power := mulmod(power, x, P)
            }
            value := or(or(shl(128, mod(s0, P)), shl(64, mod(s1, P))), mod(s2, P))
        }
    }

    /// @notice The weight of powers of z at r[from] .., the product of 1 + r_j (z^(2^j) - 1).
    function powers(Fp3 z, Fp3[] memory r, uint256 from) internal pure returns (Fp3 product) {
        product = ONE;
        unchecked {
            for (uint256 j = from; j < r.length; ++j) {
                product = product * r[j].mulAdd(z - ONE, ONE);
                z = z * z;
            }
        }
    }

    /// @notice The same for x in F_p.
    function powers(uint256 x, Fp3[] memory r, uint256 from) internal pure returns (Fp3 product) {
        assembly ("memory-safe") {
            let a0 := 1
            let a1 := 0
            let a2 := 0
            let at := add(r, shl(5, add(from, 1)))
            let end := add(r, shl(5, add(mload(r), 1)))
            for {} lt(at, end) { at := add(at, 32) } {
                // The factor's parts are below 2^130 and stay as they are.
                let less := add(x, sub(P, 1))
                let b2 := mload(at)
                let b0 := add(mul(shr(128, b2), less), 1)
                let b1 := mul(and(shr(64, b2), MASK), less)
                b2 := mul(and(b2, MASK), less)
                let c0 := mod(add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))), P)
                let c1 := mod(add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))), P)
                a2 := mod(add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)), P)
                a0 := c0
                a1 := c1
                x := mulmod(x, x, P)
            }
            product := or(or(shl(128, a0), shl(64, a1)), a2)
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
            x := 1
            for {} row { row := shr(4, row) } {
                x := mulmod(x, mload(add(table, shl(5, and(row, 15)))), P)
                table := add(table, 512)
            }
        }
    }
}
