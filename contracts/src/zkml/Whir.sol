// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE, ZERO, horner} from "./Fp3.sol";
import {Lanes} from "./Lanes.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";
import {WhirParts} from "./WhirParts.sol";
import {WhirRows} from "./WhirRows.sol";
import {WhirWeights} from "./WhirWeights.sol";

/// @title WHIR: commitments that open at many points at once
/// @notice The twin of src/imo/zkml/whir_verifier.cpp; docs/proof.md, "WHIR", is normative.
library Whir {
    using Transcript for Transcript.Reader;
    using WhirClaims for WhirClaims.Claim[];
    using WhirParts for WhirParts.Weights;

    /// @dev Rows of a part: their points in F_p, and what they fold to.
    struct Answers {
        uint256[] points;
        Fp3[] values;
    }

    /// @dev The claims that a round adds: at z, and at the points of rows.
    /// @param z Of the out-of-domain claim.
    /// @param gamma Its powers combine the claims.
    /// @param answers Of each part.
    struct Added {
        Fp3 z;
        Fp3 gamma;
        Answers[] answers;
    }

    /// @dev A check between two messages.
    /// @param grinding Bits.
    /// @param sum What is claimed.
    /// @param r Challenges of the folds, lowest variable first.
    /// @param folded How many of them are known.
    /// @param table Of WhirWeights.codePoints().
    /// @param added One less than rounds.
    struct State {
        uint256 grinding;
        Fp3 sum;
        Fp3[] r;
        uint256 folded;
        uint256 table;
        Added[] added;
    }

    /// @notice Reverts unless the vectors under the roots meet their bindings and every claim.
    /// @param committed As the parameters are for. Claims are moved to where the commitments lie in the whole.
    function check(
        Transcript.Reader memory reader,
        WhirParameters.Parameters memory parameters,
        WhirClaims.Committed[] memory committed
    ) internal pure {
        WhirParameters.Plan memory plan = WhirParameters.plan(parameters);
        _placeClaims(plan, committed);
        State memory state;
        Fp3 gamma = reader.challenge();
        state.grinding = parameters.grinding;
        state.sum = _claimed(committed, gamma);
        state.r = new Fp3[](plan.variables);
        state.table = WhirWeights.codePoints();
        Fp3[] memory last = _rounds(reader, plan, state, committed);
        _fold(reader, state, plan.variables - state.folded);
        Fp3 weight = _claimedWeights(plan, committed, state.r, gamma) + _addedWeights(plan, state);
        if (weight * WhirWeights.evaluateAtEnd(last, state.r) != state.sum) {
            revert ProofErrors.ClaimMismatch(reader.offset());
        }
    }

    function _placeClaims(WhirParameters.Plan memory plan, WhirClaims.Committed[] memory committed)
        private
        pure
    {
        uint256 room = 1 << 16;
        unchecked {
            for (uint256 i; i < committed.length; ++i) {
                WhirParameters.Part memory part = plan.parts[i];
                uint256 h = part.holeVariables;
                uint256 end = h == 0 ? 1 << part.variables : part.holeNumber << h;
                WhirClaims.Claim[] memory claims = committed[i].claims;
                claims.place(part.variables, end, part.number << part.variables, room);
                room -= claims.length;
            }
        }
    }

    /// @dev All values: those of the bindings first, then those of the claims.
    function _claimed(WhirClaims.Committed[] memory committed, Fp3 gamma)
        private
        pure
        returns (Fp3 sum)
    {
        for (uint256 i = committed.length; i > 0; --i) {
            sum = committed[i - 1].claims.values(sum, gamma);
        }
        for (uint256 i = committed.length; i > 0; --i) {
            sum = sum.mulAdd(gamma, committed[i - 1].binding.value);
        }
    }

    /// @dev The weights of the same, at r.
    function _claimedWeights(
        WhirParameters.Plan memory plan,
        WhirClaims.Committed[] memory committed,
        Fp3[] memory r,
        Fp3 gamma
    ) private pure returns (Fp3 sum) {
        WhirClaims.Weights memory known = WhirClaims.weightsAt(r);
        for (uint256 i = committed.length; i > 0; --i) {
            sum = committed[i - 1].claims.weights(known, sum, gamma);
        }
        for (uint256 i = committed.length; i > 0; --i) {
            Fp3 weight = WhirParts.weight(plan.parts[i - 1], r, committed[i - 1].binding.point);
            sum = sum.mulAdd(gamma, weight);
        }
    }

    /// @return last The vector that is read in the end.
    function _rounds(
        Transcript.Reader memory reader,
        WhirParameters.Plan memory plan,
        State memory state,
        WhirClaims.Committed[] memory committed
    ) private pure returns (Fp3[] memory last) {
        uint256 count = plan.rounds.length;
        WhirParameters.Part[] memory parts = plan.parts;
        bytes32[] memory roots = new bytes32[](committed.length);
        for (uint256 i; i < roots.length; ++i) {
            roots[i] = committed[i].root;
        }
        state.added = new Added[](count);
        for (uint256 i; i < count; ++i) {
            _fold(reader, state, WhirParameters.FOLDING);
            bytes32 next = _follow(reader, state, parts, roots, i);
            (parts, roots) = (new WhirParameters.Part[](1), new bytes32[](1));
            (parts[0], roots[0]) = (plan.rounds[i], next);
        }
        _fold(reader, state, WhirParameters.FOLDING);
        return _last(reader, state, parts, roots, count == 0);
    }

    function _fold(Transcript.Reader memory reader, State memory state, uint256 count)
        private
        pure
    {
        Fp3 sum = state.sum;
        for (; count > 0; --count) {
            Fp3 atZero = reader.readFp3();
            Fp3 leading = reader.readFp3();
            Fp3 r = reader.challenge();
            Fp3 linear = sum - atZero.twice() - leading;
            sum = r.mulAdd(r.mulAdd(leading, linear), atZero);
            state.r[state.folded++] = r;
        }
        state.sum = sum;
    }

    /// @dev A round that ends in a claim on another committed vector.
    /// @return next That vector's root.
    function _follow(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Part[] memory parts,
        bytes32[] memory roots,
        uint256 i
    ) private pure returns (bytes32 next) {
        next = reader.readDigest();
        WhirBinding.OutOfDomain memory binding = WhirBinding.bind(reader);
        Answers[] memory answers = _answers(reader, state, parts, roots, i == 0);
        Fp3 gamma = reader.challenge();
        Fp3 sum;
        for (uint256 p = answers.length; p > 0; --p) {
            sum = horner(answers[p - 1].values, gamma, sum);
        }
        state.sum = sum.mulAdd(gamma, binding.value).mulAdd(gamma, state.sum);
        state.added[i] = Added(binding.point, gamma, answers);
    }

    /// @dev The round that ends in a vector that is read.
    function _last(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Part[] memory parts,
        bytes32[] memory roots,
        bool isFirst
    ) private pure returns (Fp3[] memory last) {
        last = new Fp3[](1 << (state.r.length - state.folded));
        for (uint256 b; b < last.length; ++b) {
            last[b] = reader.readFp3();
        }
        Answers[] memory answers = _answers(reader, state, parts, roots, isFirst);
        for (uint256 p; p < parts.length; ++p) {
            Fp3[] memory own = _blockOf(last, parts[p]);
            uint256 table = Lanes.forBase(own, 0);
            uint256[] memory points = answers[p].points;
            for (uint256 j; j < points.length; ++j) {
                Fp3 value = WhirWeights.evaluateUnivariate(table, own.length, points[j]);
                if (value != answers[p].values[j]) {
                    revert ProofErrors.LastVectorMismatch(reader.offset());
                }
            }
        }
    }

    /// @dev The part's folded block, with zeros in its hole.
    function _blockOf(Fp3[] memory last, WhirParameters.Part memory part)
        private
        pure
        returns (Fp3[] memory own)
    {
        unchecked {
            uint256 folding = WhirParameters.FOLDING;
            own = new Fp3[](1 << (part.variables - folding));
            uint256 h = part.holeVariables;
            for (uint256 b; b < own.length; ++b) {
                if (h != 0 && b >> (h - folding) == part.holeNumber) own[b] = ZERO;
                else own[b] = last[part.number * own.length + b];
            }
        }
    }

    function _answers(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Part[] memory parts,
        bytes32[] memory roots,
        bool isBase
    ) private pure returns (Answers[] memory answers) {
        reader.checkGrinding(state.grinding);
        uint256 folding = WhirParameters.FOLDING;
        Fp3[] memory weights = WhirWeights.pointWeights(state.r, state.folded - folding, folding);
        answers = new Answers[](parts.length);
        for (uint256 p; p < parts.length; ++p) {
            WhirParameters.Part memory part = parts[p];
            (uint256[] memory points, Fp3[] memory values) =
                WhirRows.open(reader, roots[p], part.height, part.queries, isBase, weights);
            for (uint256 j; j < points.length; ++j) {
                points[j] = WhirWeights.codePoint(state.table, points[j]);
            }
            answers[p] = Answers(points, values);
        }
    }

    /// @dev Of all claims that rounds added, at r.
    function _addedWeights(WhirParameters.Plan memory plan, State memory state)
        private
        pure
        returns (Fp3 sum)
    {
        if (state.added.length == 0) return ZERO;
        uint256 from = WhirParameters.FOLDING;
        (uint256 pairs, uint256 end) = WhirWeights.pairs(state.r, from, state.r.length);
        unchecked {
            for (uint256 i; i < state.added.length; ++i) {
                Added memory added = state.added[i];
                Fp3 gamma = added.gamma;
                Fp3 inner = i == 0
                    ? _partWeights(plan.parts, added, state.r)
                    : _roundWeights(added, pairs, end);
                (Fp3 weight,) = WhirWeights.powers(added.z, state.r, from, state.r.length);
                sum = inner.mulAdd(gamma, weight).mulAdd(gamma, sum);
                from += WhirParameters.FOLDING;
                pairs += WhirWeights.PAIR * WhirParameters.FOLDING / 2;
            }
        }
    }

    /// @dev Of the rows of the commitments.
    function _partWeights(WhirParameters.Part[] memory parts, Added memory added, Fp3[] memory r)
        private
        pure
        returns (Fp3 sum)
    {
        for (uint256 p = parts.length; p > 0; --p) {
            WhirParts.Weights memory weights = WhirParts.prepare(parts[p - 1], r);
            uint256[] memory points = added.answers[p - 1].points;
            Fp3[] memory all = new Fp3[](points.length);
            for (uint256 j; j < all.length; ++j) {
                all[j] = weights.weight(points[j]);
            }
            sum = horner(all, added.gamma, sum);
        }
    }

    /// @dev Of the rows of a later round.
    function _roundWeights(Added memory added, uint256 pairs, uint256 end)
        private
        pure
        returns (Fp3)
    {
        uint256[] memory points = added.answers[0].points;
        Fp3[] memory all = new Fp3[](points.length);
        for (uint256 j; j < all.length; ++j) {
            all[j] = WhirWeights.powers(points[j], pairs, end, ONE);
        }
        return horner(all, added.gamma, ZERO);
    }
}
