// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, ONE, P, ZERO} from "./Fp3.sol";

/// @dev Of the modulus: assembly takes literals only.
uint256 constant TWICE_P = 0x1fffffffe00000002;
uint256 constant TWICE_P_AND_ONE = 0x1fffffffe00000003;
/// @dev Tables of weights that are kept: a power of two, more than any circuit has.
uint256 constant TABLES = 64;

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
        return _equals(a, b, n, ONE, 0, 0);
    }

    /// @notice Goes on with the list of eq of the first 0, 1, 2 .. coordinates of a and b.
    /// @param known How many coordinates the last one so far is of.
    /// @param n How many the last one will be of; there must be room in the list.
    function extendEquals(Fp3[] memory prefixes, uint256 a, uint256 b, uint256 known, uint256 n)
        internal
        pure
    {
        unchecked {
            uint256 to = start(prefixes) + 32 * known;
            uint256 skip = 32 * known;
            _equals(a + skip, b + skip, n - known, coordinate(to, 0), to + 32, 32);
        }
    }

    /// @dev `product` times all 1 - a_j - b_j + 2 a_j b_j. A factor's parts are below 2^134 and stay as they are: what is
    /// reduced are the product's, which are below p.
    /// @param to Where the product goes after each coordinate, in steps of `step`.
    function _equals(uint256 a, uint256 b, uint256 n, Fp3 product, uint256 to, uint256 step)
        private
        pure
        returns (Fp3)
    {
        assembly ("memory-safe") {
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
        return product;
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
            // Behind the bound's last bit nothing is less.
            for (uint256 j = n; bound & ((1 << j) - 1) != 0; --j) {
                Fp3 one = same * coordinate(r, j - 1);
                if (bound >> (j - 1) & 1 == 1) {
                    sum = sum + (same - one);
                    same = one;
                } else {
                    same = same - one;
                }
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
    /// @dev From i < 2^j to twice as many: with x = r_j and w a weight so far, w x is that of i + 2^j, and w - w x that of i.
    function weights(uint256 r, uint256 n) internal pure returns (Fp3[] memory table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            mstore(table, shl(n, 1))
            let first := add(table, 32)
            let end := add(first, 32)
            mstore(first, shl(128, 1))
            for { let last := add(r, shl(5, n)) } lt(r, last) { r := add(r, 32) } {
                let x2 := mload(r)
                let x0 := shr(128, x2)
                let x1 := and(shr(64, x2), MASK)
                x2 := and(x2, MASK)
                let size := sub(end, first)
                for { let at := first } lt(at, end) { at := add(at, 32) } {
                    let w2 := mload(at)
                    let w0 := shr(128, w2)
                    let w1 := and(shr(64, w2), MASK)
                    w2 := and(w2, MASK)
                    let one0 := mod(add(mul(w0, x0), shl(1, add(mul(w1, x2), mul(w2, x1)))), P)
                    let one1 := mod(add(add(mul(w0, x1), mul(w1, x0)), shl(1, mul(w2, x2))), P)
                    let one2 := mod(add(add(mul(w0, x2), mul(w1, x1)), mul(w2, x0)), P)
                    mstore(add(at, size), or(or(shl(128, one0), shl(64, one1)), one2))
                    mstore(
                        at,
                        or(
                            or(
                                shl(128, addmod(w0, sub(P, one0), P)),
                                shl(64, addmod(w1, sub(P, one1), P))
                            ),
                            addmod(w2, sub(P, one2), P)
                        )
                    )
                }
                end := add(end, size)
            }
            mstore(0x40, end)
        }
    }

    /// @notice Room for tables of weights that are computed once; see tableOf().
    function noTables() internal pure returns (uint256[] memory) {
        return new uint256[](2 * TABLES);
    }

    /// @notice weights(r, n), as kept in `tables`: by r and n, then the table.
    function tableOf(uint256[] memory tables, uint256 r, uint256 n)
        internal
        pure
        returns (Fp3[] memory table)
    {
        uint256 place;
        bool isKnown;
        assembly ("memory-safe") {
            let key := or(shl(8, r), n)
            // Coordinates are words that follow each other.
            let at := shr(5, r)
            for {} 1 { at := add(at, 1) } {
                place := add(add(tables, 32), shl(6, and(at, sub(TABLES, 1))))
                let there := mload(place)
                if eq(there, key) {
                    isKnown := 1
                    table := mload(add(place, 32))
                    break
                }
                if iszero(there) {
                    mstore(place, key)
                    break
                }
            }
        }
        if (isKnown) return table;
        table = weights(r, n);
        assembly ("memory-safe") {
            mstore(add(place, 32), table)
        }
    }

    /// @notice Two runs of coordinates, one behind the other.
    function join(uint256 r1, uint256 count1, uint256 r2, uint256 count2)
        internal
        pure
        returns (Fp3[] memory point)
    {
        assembly ("memory-safe") {
            point := mload(0x40)
            mstore(point, add(count1, count2))
            let to := add(point, 32)
            mcopy(to, r1, shl(5, count1))
            to := add(to, shl(5, count1))
            mcopy(to, r2, shl(5, count2))
            mstore(0x40, add(to, shl(5, count2)))
        }
    }

    /// @notice Three runs of coordinates.
    function join(
        uint256 r1,
        uint256 count1,
        uint256 r2,
        uint256 count2,
        uint256 r3,
        uint256 count3
    ) internal pure returns (Fp3[] memory point) {
        assembly ("memory-safe") {
            point := mload(0x40)
            mstore(point, add(add(count1, count2), count3))
            let to := add(point, 32)
            mcopy(to, r1, shl(5, count1))
            to := add(to, shl(5, count1))
            mcopy(to, r2, shl(5, count2))
            to := add(to, shl(5, count2))
            mcopy(to, r3, shl(5, count3))
            mstore(0x40, add(to, shl(5, count3)))
        }
    }
}
