// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, ONE, P, ZERO} from "./Fp3.sol";

/// @dev Of the modulus: assembly takes literals only.
uint256 constant TWICE_P = 0x1fffffffe00000002;
uint256 constant TWICE_P_AND_ONE = 0x1fffffffe00000003;

/// @title Multilinear polynomials that both sides know
/// @notice The twin of src/imo/zkml/known.cpp. Points are runs of coordinates in memory: `r` is where the first one is, so that
/// a part of a point is a point.
library Points {
    /// @notice Where the first coordinate of a point is.
    function start(Fp3[] memory point) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := add(point, 32)
        }
    }

    function coordinate(uint256 r, uint256 j) internal pure returns (Fp3 value) {
        assembly ("memory-safe") {
            value := mload(add(r, shl(5, j)))
        }
    }

    function set(uint256 at, Fp3 value) internal pure {
        assembly ("memory-safe") {
            mstore(at, value)
        }
    }

    /// @notice eq(a, b), both of n coordinates.
    function equal(uint256 a, uint256 b, uint256 n) internal pure returns (Fp3) {
        return _equals(a, b, n, 0, 0);
    }

    /// @notice eq of the first 0, 1, 2 .. n coordinates of a and b.
    function equals(uint256 a, uint256 b, uint256 n) internal pure returns (Fp3[] memory prefixes) {
        prefixes = new Fp3[](n + 1);
        prefixes[0] = ONE;
        _equals(a, b, n, start(prefixes) + 32, 32);
    }

    /// @dev The product of 1 - a_j - b_j + 2 a_j b_j. A factor's parts are below 2^134 and stay as they are: what is
    /// reduced are the product's, which are below p.
    /// @param to Where the product goes after each coordinate, in steps of `step`.
    function _equals(uint256 a, uint256 b, uint256 n, uint256 to, uint256 step)
        private
        pure
        returns (Fp3 product)
    {
        assembly ("memory-safe") {
            product := shl(128, 1)
            for { let end := add(a, shl(5, n)) } lt(a, end) { a := add(a, 32) } {
                let f0 := mload(a)
                let f1 := and(shr(64, f0), MASK)
                let f2 := and(f0, MASK)
                f0 := shr(128, f0)
                {
                    let b0 := mload(b)
                    let b1 := and(shr(64, b0), MASK)
                    let b2 := and(b0, MASK)
                    b0 := shr(128, b0)
                    let s0 := sub(TWICE_P_AND_ONE, add(f0, b0))
                    let s1 := sub(TWICE_P, add(f1, b1))
                    s0 := add(s0, shl(1, add(mul(f0, b0), shl(1, add(mul(f1, b2), mul(f2, b1))))))
                    s1 := add(s1, shl(1, add(add(mul(f0, b1), mul(f1, b0)), shl(1, mul(f2, b2)))))
                    f2 := add(
                        sub(TWICE_P, add(f2, b2)),
                        shl(1, add(add(mul(f0, b2), mul(f1, b1)), mul(f2, b0)))
                    )
                    f0 := s0
                    f1 := s1
                }
                b := add(b, 32)
                let p2 := and(product, MASK)
                let p1 := and(shr(64, product), MASK)
                let p0 := shr(128, product)
                product := or(
                    or(
                        shl(128, mod(add(mul(p0, f0), shl(1, add(mul(p1, f2), mul(p2, f1)))), P)),
                        shl(64, mod(add(add(mul(p0, f1), mul(p1, f0)), shl(1, mul(p2, f2))), P))
                    ),
                    mod(add(add(mul(p0, f2), mul(p1, f1)), mul(p2, f0)), P)
                )
                if step {
                    mstore(to, product)
                    to := add(to, step)
                }
            }
        }
    }

    /// @notice eq(i, r).
    function index(uint256 i, uint256 r, uint256 n) internal pure returns (Fp3 product) {
        product = ONE;
        unchecked {
            for (uint256 j; j < n; ++j) {
                Fp3 x = coordinate(r, j);
                product = product * (i >> j & 1 == 1 ? x : ONE - x);
            }
        }
    }

    /// @notice The polynomial of [x < bound].
    function below(uint256 bound, uint256 r, uint256 n) internal pure returns (Fp3 sum) {
        if (bound >> n != 0) return ONE;
        Fp3 same = ONE; // as the bound, in all bits from the highest
        unchecked {
            for (uint256 j = n; j > 0; --j) {
                Fp3 one = same * coordinate(r, j - 1);
                Fp3 zero = same - one;
                bool bit = bound >> (j - 1) & 1 == 1;
                if (bit) sum = sum + zero;
                same = bit ? one : zero;
            }
        }
    }

    /// @dev What is known of a key and a query from their highest bits.
    /// @param bothEqual Key = query = bound.
    /// @param keyLess Key < query = bound.
    /// @param queryLess Key = query < bound.
    /// @param bothLess Key < query < bound.
    struct Order {
        Fp3 bothEqual;
        Fp3 keyLess;
        Fp3 queryLess;
        Fp3 bothLess;
    }

    /// @notice The polynomial of [key <= query < bound], key and query of n coordinates.
    function causalBelow(uint256 bound, uint256 key, uint256 query, uint256 n)
        internal
        pure
        returns (Fp3)
    {
        Order memory order;
        if (bound >> n != 0) order.queryLess = ONE;
        else order.bothEqual = ONE;
        unchecked {
            for (uint256 j = n; j > 0; --j) {
                _order(
                    order,
                    bound >> (j - 1) & 1 == 1,
                    coordinate(key, j - 1),
                    coordinate(query, j - 1)
                );
            }
        }
        return order.queryLess + order.bothLess;
    }

    function _order(Order memory order, bool bit, Fp3 k, Fp3 q) private pure {
        Fp3 both = k * q;
        Fp3 queryOnly = q - both;
        Fp3 neither = ONE - k - queryOnly;
        Fp3 same = both + neither;
        Fp3 queryZero = ONE - q;
        order.bothLess = order.bothLess + order.queryLess * queryOnly;
        order.queryLess = order.queryLess * same;
        if (bit) {
            order.bothLess = order.bothLess + order.keyLess * queryZero;
            order.queryLess = order.queryLess + order.bothEqual * neither;
            order.keyLess = order.keyLess * q + order.bothEqual * queryOnly;
            order.bothEqual = order.bothEqual * both;
        } else {
            order.keyLess = order.keyLess * queryZero;
            order.bothEqual = order.bothEqual * neither;
        }
    }

    /// @notice eq(i, r) for all 2^n indices i.
    function weights(uint256 r, uint256 n) internal pure returns (Fp3[] memory table) {
        table = new Fp3[](1 << n);
        table[0] = ONE;
        unchecked {
            for (uint256 j; j < n; ++j) {
                Fp3 x = coordinate(r, j);
                for (uint256 b; b < 1 << j; ++b) {
                    Fp3 one = table[b] * x;
                    table[b + (1 << j)] = one;
                    table[b] = table[b] - one;
                }
            }
        }
    }

    /// @notice The sum of eq(i, r) value_i over entries: i, then the value, one after the other.
    /// @dev Of many entries the weights are those of the lower half of their bits times those of the upper half.
    function sparse(uint256[] memory entries, uint256 r, uint256 n)
        internal
        pure
        returns (Fp3 sum)
    {
        if (entries.length * n < 4 << (n / 2)) return _few(entries, r, n);
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        uint256 low = n / 2;
        Fp3[] memory lower = weights(r, low);
        Fp3[] memory upper = weights(r + 32 * low, n - low);
        unchecked {
            uint256 mask = (1 << low) - 1;
            for (uint256 i; i < entries.length; i += 2) {
                uint256 at = entries[i];
                Fp3 weight = lower[at & mask] * upper[at >> low];
                sum = weight.mulAdd(Fp3.wrap(entries[i + 1]), sum);
            }
        }
        // Nobody keeps the tables.
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }

    function _few(uint256[] memory entries, uint256 r, uint256 n) private pure returns (Fp3 sum) {
        for (uint256 i; i < entries.length; i += 2) {
            sum = index(entries[i], r, n).mulAdd(Fp3.wrap(entries[i + 1]), sum);
        }
    }
}
