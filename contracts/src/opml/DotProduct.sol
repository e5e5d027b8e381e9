// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sums of products of numbers in calldata
/// @notice Calldata is what a step pays for (EIP-7623), so plain loops are cheap enough; the product of weights is
/// unrolled, being the longest. All numbers are big-endian two's complement, and every sum is exact in 256 bits.
library DotProduct {
    /// @notice sum of w[j] * x[j], int8 by int16.
    /// @param w Calldata offset of `count` weights.
    /// @param x Calldata offset of `count` activations.
    function weighted(uint256 w, uint256 x, uint256 count) internal pure returns (int256 sum) {
        assembly ("memory-safe") {
            // Weight and activation `i` of a word of 32 weights and one of 16 activations.
            function product(ws, xs, i) -> p {
                p := mul(signextend(0, byte(i, ws)), sar(240, shl(shl(4, i), xs)))
            }
            let whole := add(w, and(count, not(15)))
            for {} lt(w, whole) {
                w := add(w, 16)
                x := add(x, 32)
            } {
                let ws := calldataload(w)
                let xs := calldataload(x)
                let a := add(product(ws, xs, 0), product(ws, xs, 1))
                a := add(a, add(product(ws, xs, 2), product(ws, xs, 3)))
                a := add(a, add(product(ws, xs, 4), product(ws, xs, 5)))
                a := add(a, add(product(ws, xs, 6), product(ws, xs, 7)))
                a := add(a, add(product(ws, xs, 8), product(ws, xs, 9)))
                a := add(a, add(product(ws, xs, 10), product(ws, xs, 11)))
                a := add(a, add(product(ws, xs, 12), product(ws, xs, 13)))
                a := add(a, add(product(ws, xs, 14), product(ws, xs, 15)))
                sum := add(sum, a)
            }
            let rest := and(count, 15)
            let ws := calldataload(w)
            let xs := calldataload(x)
            for { let i := 0 } lt(i, rest) { i := add(i, 1) } {
                sum := add(sum, product(ws, xs, i))
            }
        }
    }

    /// @notice sum of a[j] * b[j], of `sizeA` and `sizeB` bytes each.
    function mixed(uint256 a, uint256 sizeA, uint256 b, uint256 sizeB, uint256 count)
        internal
        pure
        returns (int256 sum)
    {
        assembly ("memory-safe") {
            let shiftA := sub(256, shl(3, sizeA))
            let shiftB := sub(256, shl(3, sizeB))
            for { let end := add(a, mul(count, sizeA)) } lt(a, end) {
                a := add(a, sizeA)
                b := add(b, sizeB)
            } {
                sum := add(sum, mul(sar(shiftA, calldataload(a)), sar(shiftB, calldataload(b))))
            }
        }
    }

    /// @notice sum of a[j], int32.
    function total(uint256 a, uint256 count) internal pure returns (int256 sum) {
        assembly ("memory-safe") {
            for { let end := add(a, shl(2, count)) } lt(a, end) { a := add(a, 4) } {
                sum := add(sum, sar(224, calldataload(a)))
            }
        }
    }

    /// @notice The greatest of `count` int32 (at least one), and the first place that has it.
    function greatest(uint256 a, uint256 count) internal pure returns (int256 best, uint256 at) {
        assembly ("memory-safe") {
            best := sar(224, calldataload(a))
            for { let i := 1 } lt(i, count) { i := add(i, 1) } {
                let value := sar(224, calldataload(add(a, shl(2, i))))
                if sgt(value, best) {
                    best := value
                    at := i
                }
            }
        }
    }
}
