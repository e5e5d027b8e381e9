// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE, ZERO, sumOfProducts} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirWeights} from "./WhirWeights.sol";

/// @title Claims on blocks of a committed vector
/// @notice docs/proof.md, "WHIR", is normative: a block is 2^v neighbours, at a multiple of that; claims speak of blocks
/// that follow each other, each with a scale.
library WhirClaims {
    /// @param point Where; claims may share it. Only the first `variables` coordinates count.
    /// @param variables Of a block.
    /// @param first The first block's number: the offset of its first element, divided by 2^variables.
    /// @param scales One for each block.
    /// @param value What the blocks' multilinear polynomials are there, each times its scale, in all.
    struct Claim {
        Fp3[] point;
        uint256 variables;
        uint256 first;
        Fp3[] scales;
        Fp3 value;
    }

    /// @notice A commitment, and what is claimed of it.
    /// @param root In the first 26 bytes.
    struct Committed {
        bytes32 root;
        WhirBinding.OutOfDomain binding;
        Claim[] claims;
    }

    /// @dev Variables whose weights are tabulated together.
    uint256 private constant GROUP = 4;
    /// @dev Weights of blocks that are kept, less one: a power of two, less one.
    uint256 private constant BLOCKS_MASK = 255;

    /// @dev Weights at r that many claims have in common.
    /// @param points Those met so far, each at a place near its address mod their number, a power of two.
    /// @param prefixes For each of them, the weights of claims at its first 0, 1, 2 .. coordinates.
    /// @param groups For each group of variables its weights, when they were needed.
    /// @param blocks Weights of blocks' numbers: number and variable in one word, the weight in the next; a word of zero is free.
    struct Weights {
        Fp3[] r;
        Fp3[][] points;
        Fp3[][] prefixes;
        Fp3[][] groups;
        uint256[] blocks;
    }

    /// @notice Refuses claims that a vector of 2^n elements cannot have, and moves the others.
    /// @param end Behind the elements that claims may speak of, at most 2^n.
    /// @param offset Where the vector's first element will be: added to what claims say, a multiple of 2^n.
    /// @param room The most claims.
    function place(Claim[] memory claims, uint256 n, uint256 end, uint256 offset, uint256 room)
        internal
        pure
    {
        if (claims.length > room) revert ProofErrors.BadClaimCount(claims.length);
        unchecked {
            for (uint256 i; i < claims.length; ++i) {
                Claim memory claim = claims[i];
                uint256 v = claim.variables;
                if (v > n) revert ProofErrors.BadDimension(v, n);
                if (v > claim.point.length) {
                    revert ProofErrors.BadDimension(claim.point.length, v);
                }
                uint256 count = claim.scales.length;
                if (claim.first > end || claim.first + count > end >> v) {
                    revert ProofErrors.BadBlocks(claim.first, count, end >> v);
                }
                claim.first += offset >> v;
            }
        }
    }

    /// @notice v_1 + gamma v_2 + gamma^2 v_3 .. gamma^(k-1) v_k + gamma^k behind
    function values(Claim[] memory claims, Fp3 behind, Fp3 gamma) internal pure returns (Fp3 sum) {
        sum = behind;
        for (uint256 i = claims.length; i > 0; --i) {
            sum = sum.mulAdd(gamma, claims[i - 1].value);
        }
    }

    /// @notice What weights() of claims look up, none of it known yet.
    /// @param most Claims that may come.
    function weightsAt(Fp3[] memory r, uint256 most) internal pure returns (Weights memory known) {
        known.r = r;
        unchecked {
            uint256 places = 2;
            while (places < 2 * most) places *= 2;
            known.points = new Fp3[][](places);
            known.prefixes = new Fp3[][](places);
            known.groups = new Fp3[][]((r.length + GROUP - 1) / GROUP);
            known.blocks = new uint256[](2 * (BLOCKS_MASK + 1));
        }
    }

    /// @notice w_1(r) + gamma w_2(r) + .. gamma^(k-1) w_k(r) + gamma^k behind
    function weights(Claim[] memory claims, Weights memory known, Fp3 behind, Fp3 gamma)
        internal
        pure
        returns (Fp3 sum)
    {
        sum = behind;
        unchecked {
            for (uint256 i = claims.length; i > 0; --i) {
                Claim memory claim = claims[i - 1];
                Fp3 low = _prefixes(known, claim.point)[claim.variables];
                sum = sum.mulAdd(gamma, low * _blocks(known, claim));
            }
        }
    }

    function _prefixes(Weights memory known, Fp3[] memory point)
        private
        pure
        returns (Fp3[] memory prefixes)
    {
        unchecked {
            // Points lie at least two words apart, and their number is below that of places.
            uint256 mask = known.points.length - 1;
            uint256 at = _address(point) >> 6 & mask;
            while (_address(known.points[at]) != _address(point)) {
                if (known.points[at].length == 0) {
                    uint256 count = point.length < known.r.length ? point.length : known.r.length;
                    prefixes = Points.equals(Points.start(point), Points.start(known.r), count);
                    known.points[at] = point;
                    known.prefixes[at] = prefixes;
                    return prefixes;
                }
                at = (at + 1) & mask;
            }
            return known.prefixes[at];
        }
    }

    /// @dev What multiplies the weight within a block: the scales, each times the weight of its block's number.
    function _blocks(Weights memory known, Claim memory claim) private pure returns (Fp3 sum) {
        Fp3[] memory scales = claim.scales;
        if (scales.length == 0) return ZERO;
        if (scales.length > 1) return _manyBlocks(known, claim.variables, claim.first, scales);
        sum = _block(known, claim.variables, claim.first);
        if (scales[0] != ONE) sum = sum * scales[0];
    }

    /// @dev Blocks whose numbers differ in the lowest bits only, within one group of variables, are added up first.
    function _manyBlocks(Weights memory known, uint256 v, uint256 first, Fp3[] memory scales)
        private
        pure
        returns (Fp3 sum)
    {
        (Fp3[] memory group, uint256 end) = _groupOf(known, v);
        unchecked {
            uint256 size = 1 << (end - v);
            for (uint256 i; i < scales.length;) {
                uint256 count = size - first % size;
                if (count > scales.length - i) count = scales.length - i;
                Fp3 weight = _block(known, end, first / size);
                sum =
                    weight.mulAdd(sumOfProducts(scales, i, group, size + first % size, count), sum);
                first += count;
                i += count;
            }
        }
    }

    /// @dev The weight of a block's number, for variables v and up. What is known is looked up; its place may be taken.
    function _block(Weights memory known, uint256 v, uint256 block_)
        private
        pure
        returns (Fp3 weight)
    {
        if (v == known.r.length) return ONE;
        unchecked {
            uint256[] memory blocks = known.blocks;
            uint256 key = block_ << 8 | v;
            uint256 at;
            bool isKnown;
            assembly ("memory-safe") {
                at := add(add(blocks, 32), shl(6, and(add(block_, mul(v, 37)), BLOCKS_MASK)))
                isKnown := eq(mload(at), key)
                weight := mload(add(at, 32))
            }
            if (isKnown) return weight;
            (Fp3[] memory group, uint256 end) = _groupOf(known, v);
            uint256 size = 1 << (end - v);
            weight = group[size | block_ & (size - 1)];
            if (end != known.r.length) weight = weight * _block(known, end, block_ >> (end - v));
            assembly ("memory-safe") {
                mstore(at, key)
                mstore(add(at, 32), weight)
            }
        }
    }

    /// @return group The weights of the group that variable v is in.
    /// @return end Behind its variables.
    function _groupOf(Weights memory known, uint256 v)
        private
        pure
        returns (Fp3[] memory group, uint256 end)
    {
        unchecked {
            uint256 number = v / GROUP;
            uint256 from = number * GROUP;
            end = from + GROUP;
            if (end > known.r.length) end = known.r.length;
            group = known.groups[number];
            if (group.length == 0) {
                group = WhirWeights.pointWeights(known.r, from, end - from);
                known.groups[number] = group;
            }
        }
    }

    function _address(Fp3[] memory point) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := point
        }
    }
}
