// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE} from "./Fp3.sol";
import {Points} from "./Points.sol";

/// @title What the first coordinates of points weigh at r
/// @notice Many claims are at points that begin alike, or at the first coordinates of one point, so every weight of as many
/// coordinates is made once. In place of its length a point gets, when it is first met, 2^128 times where the list of its weights
/// is, for 0, 1, 2 .. coordinates, plus the last number that is known.
library WhirPrefixes {
    /// @dev Points that others begin like, less one: a power of two, less one.
    uint256 private constant BASES_MASK = 15;

    /// @notice Room for points that others may begin like.
    function noBases() internal pure returns (uint256[] memory) {
        return new uint256[](BASES_MASK + 1);
    }

    /// @notice eq of the first v coordinates of a point, which has as many, and of r.
    /// @param bases For each of the lowest bits of a first coordinate a point that others may begin like; zero is none.
    function weight(uint256[] memory bases, Fp3[] memory r, Fp3[] memory point, uint256 v)
        internal
        pure
        returns (Fp3 product)
    {
        unchecked {
            uint256 word = point.length;
            if (word & type(uint128).max < v || word >> 128 == 0) {
                if (word >> 128 == 0) word = _begin(bases, r, point, word);
                word = _extend(r, point, word, v);
            }
            assembly ("memory-safe") {
                product := mload(add(shr(128, word), shl(5, add(v, 1))))
            }
        }
    }

    /// @dev Goes on with the list of a point to v coordinates, if it is shorter.
    /// @param word What is in place of the point's length, now and later.
    function _extend(Fp3[] memory r, Fp3[] memory point, uint256 word, uint256 v)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 known = word & type(uint128).max;
            if (known < v) {
                Fp3[] memory list;
                assembly ("memory-safe") {
                    list := shr(128, word)
                }
                Points.extendEquals(list, Points.start(point), Points.start(r), known, v);
                word += v - known;
                assembly ("memory-safe") {
                    mstore(point, word)
                }
            }
            return word;
        }
    }

    /// @dev Makes a point's list, as far as it is that of a point which begins alike.
    /// @param length How many coordinates the point has.
    function _begin(uint256[] memory bases, Fp3[] memory r, Fp3[] memory point, uint256 length)
        private
        pure
        returns (uint256 word)
    {
        uint256 most = length < r.length ? length : r.length;
        Fp3[] memory list = new Fp3[](most + 1);
        list[0] = ONE;
        assembly ("memory-safe") {
            word := shl(128, list)
            mstore(point, word)
        }
        if (most == 0) return word;
        (uint256 slot, Fp3[] memory base, uint256 same, uint256 room) = _alike(bases, point, most);
        if (room != 0) {
            uint256 from = _extend(r, base, base.length, same);
            assembly ("memory-safe") {
                mcopy(add(list, 64), add(shr(128, from), 64), shl(5, same))
                word := add(word, same)
                mstore(point, word)
            }
        }
        if (same == room) {
            assembly ("memory-safe") {
                mstore(slot, point)
            }
        }
    }

    /// @dev A point that may begin like another: the longest so far of those with the same bits in the first coordinate.
    /// @return slot Of such points in `bases`.
    /// @return base The point.
    /// @return same How many of the first `most` coordinates are the same.
    /// @return room How many coordinates its list has room for; zero if there is no such point.
    function _alike(uint256[] memory bases, Fp3[] memory point, uint256 most)
        private
        pure
        returns (uint256 slot, Fp3[] memory base, uint256 same, uint256 room)
    {
        assembly ("memory-safe") {
            slot := add(add(bases, 32), shl(5, and(mload(add(point, 32)), BASES_MASK)))
            base := mload(slot)
            if base {
                room := sub(mload(shr(128, mload(base))), 1)
                if lt(room, most) { most := room }
                let here := add(point, 32)
                let there := add(base, 32)
                for {} lt(same, most) { same := add(same, 1) } {
                    if xor(mload(here), mload(there)) { break }
                    here := add(here, 32)
                    there := add(there, 32)
                }
            }
        }
    }
}
