// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE, ZERO} from "./Fp3.sol";

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

    /// @notice eq(a, b), both of n coordinates.
    function equal(uint256 a, uint256 b, uint256 n) internal pure returns (Fp3 product) {
        product = ONE;
        unchecked {
            for (uint256 j; j < n; ++j) {
                // a b + (1 - a) (1 - b) = a (2 b - 1) + 1 - b
                Fp3 y = coordinate(b, j);
                Fp3 rest = ONE - y;
                product = product * coordinate(a, j).mulAdd(y - rest, rest);
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
