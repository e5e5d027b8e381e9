// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sums of products of numbers in calldata
/// @notice Calldata is what a step pays for (EIP-7623), so plain loops are cheap enough; the product of weights, the
/// longest, takes eight products from one multiplication. All numbers are big-endian two's complement, and every sum is
/// exact in 256 bits.
library DotProduct {
    // Words of eight lanes of 32 bits, and what is kept on the way to them.
    uint256 private constant LANES =
        0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant SIGNS_8 =
        0x8080808080808080808080808080808080808080808080808080808080808080;
    uint256 private constant SIGNS_16 =
        0x8000800080008000800080008000800080008000800080008000800080008000;
    uint256 private constant THIRD_QUARTER = 0xFFFFFFFFFFFFFFFF00000000000000000000000000000000;
    uint256 private constant LOW_32_OF_64 =
        0x00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF00000000FFFFFFFF;
    uint256 private constant LOW_16_OF_32 =
        0x0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF;
    uint256 private constant LOW_8_OF_32 =
        0x000000FF000000FF000000FF000000FF000000FF000000FF000000FF000000FF;

    /// @notice sum of w[j] * x[j], int8 by int16.
    /// @dev With X = 2^32, (a0 X^7 + a1 X^6 + ... + a7) (b7 X^7 + ... + b1 X + b0) has a0 b0 + ... + a7 b7 at X^7: the
    /// highest word of the product mod 2^256. Lanes must not be negative, so it is made of a = x + 2^15 and b = w + 2^7,
    /// eight products of which are below 2^27, and sum w x = sum a b - 2^7 sum a - 2^15 sum b + 2^22 n.
    /// @param w Calldata offset of `count` weights.
    /// @param x Calldata offset of `count` activations; at most 2^16 of them, whose sum fits a lane.
    function weighted(uint256 w, uint256 x, uint256 count) internal pure returns (int256 sum) {
        uint256 whole = count & ~uint256(15);
        assembly ("memory-safe") {
            let sumA := 0 // in lanes
            let sumB := 0
            for { let end := add(w, whole) } lt(w, end) {
                w := add(w, 16)
                x := add(x, 32)
            } {
                // The first 16 bytes of `b`, turned round two by two, a lane for each two.
                let b := xor(calldataload(w), SIGNS_8)
                b := or(and(b, THIRD_QUARTER), shr(192, b))
                b := and(or(shl(64, b), shr(32, b)), LOW_32_OF_64)
                b := and(or(shl(32, b), shr(16, b)), LOW_16_OF_32)
                let evenB := and(shr(8, b), LOW_8_OF_32)
                b := and(b, LOW_8_OF_32)
                let a := xor(calldataload(x), SIGNS_16)
                let evenA := and(shr(16, a), LOW_16_OF_32)
                a := and(a, LOW_16_OF_32)
                sum := add(sum, add(shr(224, mul(a, b)), shr(224, mul(evenA, evenB))))
                sumA := add(sumA, add(a, evenA))
                sumB := add(sumB, add(b, evenB))
            }
            sumA := shr(224, mul(sumA, LANES))
            sumB := shr(224, mul(sumB, LANES))
            sum := sub(add(sum, shl(22, whole)), add(shl(7, sumA), shl(15, sumB)))
        }
        sum += mixed(w, 1, x, 2, count - whole);
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

    /// @notice Over `count` pairs (value, id) of int32, at least one: the id of the greatest value, of equals the lowest.
    function greatestPair(uint256 a, uint256 count) internal pure returns (int256 id) {
        assembly ("memory-safe") {
            let best := sar(224, calldataload(a))
            id := sar(224, calldataload(add(a, 4)))
            for { let end := add(a, shl(3, count)) } lt(a, end) { a := add(a, 8) } {
                let value := sar(224, calldataload(a))
                if iszero(slt(value, best)) {
                    let other := sar(224, calldataload(add(a, 4)))
                    if or(sgt(value, best), slt(other, id)) {
                        best := value
                        id := other
                    }
                }
            }
        }
    }
}
