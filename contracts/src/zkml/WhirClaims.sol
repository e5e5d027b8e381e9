// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ZERO, sumOfProducts} from "./Fp3.sol";
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

    /// @dev Weights at r that many claims have in common.
    /// @param points Those met so far, each at a place near its address mod their number, a power of two.
    /// @param prefixes For each of them, the weights of claims at its first 0, 1, 2 .. coordinates.
    /// @param groups For each group of variables its weights, when they were needed.
    struct Weights {
        Fp3[] r;
        Fp3[][] points;
        Fp3[][] prefixes;
        Fp3[][] groups;
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

    /// @dev Blocks whose numbers differ in the lowest bits only, within one group of variables, are added up first.
    function _blocks(Weights memory known, Claim memory claim) private pure returns (Fp3 sum) {
        uint256 v = claim.variables;
        if (v == known.r.length) return claim.scales.length == 0 ? ZERO : claim.scales[0];
        unchecked {
            (Fp3[] memory group, uint256 end) = _groupOf(known, v);
            uint256 size = 1 << (end - v);
            uint256 number = claim.first;
            for (uint256 i; i < claim.scales.length;) {
                uint256 low = number & (size - 1);
                uint256 count = claim.scales.length - i;
                if (count > size - low) count = size - low;
                Fp3 part = sumOfProducts(claim.scales, i, group, size | low, count);
                sum = sum + _scaled(part, known, end, number >> (end - v));
                number += count;
                i += count;
            }
        }
    }

    /// @dev `part` times the weight of a block's number, for variables v and up.
    function _scaled(Fp3 part, Weights memory known, uint256 v, uint256 number)
        private
        pure
        returns (Fp3)
    {
        unchecked {
            while (v < known.r.length) {
                (Fp3[] memory group, uint256 end) = _groupOf(known, v);
                uint256 size = 1 << (end - v);
                part = part * group[size | number & (size - 1)];
                number >>= end - v;
                v = end;
            }
        }
        return part;
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
