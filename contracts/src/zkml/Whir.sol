// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "./Fp3.sol";
import {Lanes} from "./Lanes.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";
import {WhirRows} from "./WhirRows.sol";
import {WhirWeights} from "./WhirWeights.sol";

/// @title WHIR: a commitment that opens at many points at once
/// @notice The twin of src/imo/zkml/whir_verifier.cpp; docs/proof.md, "WHIR", is normative.
library Whir {
    using Transcript for Transcript.Reader;
    using WhirClaims for WhirClaims.Claim[];

    /// @dev The claims that a round adds: at z, and at a row's points.
    /// @param z Of the out-of-domain claim.
    /// @param gamma Its powers combine the claims.
    /// @param points Of the rows, in F_p.
    struct Added {
        Fp3 z;
        Fp3 gamma;
        uint256[] points;
    }

    /// @dev A check between two messages.
    /// @param root Of the vector that is folded next.
    /// @param sum What is claimed.
    /// @param r Challenges of the folds, lowest variable first.
    /// @param folded How many of them are known.
    /// @param table Of WhirWeights.codePoints().
    /// @param added One less than rounds.
    struct State {
        bytes32 root;
        Fp3 sum;
        Fp3[] r;
        uint256 folded;
        uint256 table;
        Added[] added;
    }

    /// @notice Reverts unless the vector under `root` meets the binding and every claim.
    /// @param root In the first 26 bytes.
    /// @param claims 1 to 2^16.
    function check(
        Transcript.Reader memory reader,
        WhirParameters.Parameters memory parameters,
        bytes32 root,
        WhirBinding.OutOfDomain memory binding,
        WhirClaims.Claim[] memory claims
    ) internal pure {
        WhirParameters.Round[] memory rounds = WhirParameters.rounds(parameters);
        claims.validate(parameters.variables);
        Fp3 gamma = reader.challenge();
        State memory state;
        state.root = root;
        state.sum = claims.values(gamma).mulAdd(gamma, binding.value);
        state.r = new Fp3[](parameters.variables);
        state.table = WhirWeights.codePoints();
        unchecked {
            uint256 inner = rounds.length - 1;
            state.added = new Added[](inner);
            for (uint256 i; i < inner; ++i) {
                _fold(reader, state, WhirParameters.FOLDING);
                _follow(reader, state, rounds[i], i, parameters.grinding);
            }
            _fold(reader, state, WhirParameters.FOLDING);
            Fp3[] memory last = _last(reader, state, rounds[inner], inner, parameters.grinding);
            _fold(reader, state, parameters.variables - state.folded);
            Fp3 weight = claims.weights(state.r, gamma)
                .mulAdd(gamma, WhirWeights.powers(binding.point, state.r, 0)) + _addedWeights(state);
            if (weight * WhirWeights.evaluateAtEnd(last, state.r) != state.sum) {
                revert ProofErrors.ClaimMismatch(reader.offset());
            }
        }
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
    function _follow(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Round memory round,
        uint256 i,
        uint256 grinding
    ) private pure {
        bytes32 next = reader.readDigest();
        WhirBinding.OutOfDomain memory binding = WhirBinding.bind(reader);
        reader.checkGrinding(grinding);
        (uint256[] memory points, Fp3[] memory values) = _answers(reader, state, round, i == 0);
        Fp3 gamma = reader.challenge();
        Fp3 sum;
        for (uint256 j = values.length; j > 0; --j) {
            sum = sum.mulAdd(gamma, values[j - 1]);
        }
        state.sum = sum.mulAdd(gamma, binding.value).mulAdd(gamma, state.sum);
        state.root = next;
        state.added[i] = Added(binding.point, gamma, points);
    }

    /// @dev The round that ends in a vector that is read.
    function _last(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Round memory round,
        uint256 i,
        uint256 grinding
    ) private pure returns (Fp3[] memory last) {
        last = new Fp3[](1 << (round.variables - WhirParameters.FOLDING));
        for (uint256 b; b < last.length; ++b) {
            last[b] = reader.readFp3();
        }
        reader.checkGrinding(grinding);
        (uint256[] memory points, Fp3[] memory values) = _answers(reader, state, round, i == 0);
        uint256 table = Lanes.forBase(last, 0);
        for (uint256 j; j < points.length; ++j) {
            if (WhirWeights.evaluateUnivariate(table, last.length, points[j]) != values[j]) {
                revert ProofErrors.LastVectorMismatch(reader.offset());
            }
        }
    }

    /// @return points The places of the rows that were drawn.
    /// @return values What the rows fold to.
    function _answers(
        Transcript.Reader memory reader,
        State memory state,
        WhirParameters.Round memory round,
        bool isBase
    ) private pure returns (uint256[] memory points, Fp3[] memory values) {
        uint256 folding = WhirParameters.FOLDING;
        Fp3[] memory weights = WhirWeights.pointWeights(state.r, state.folded - folding, folding);
        (points, values) =
            WhirRows.open(reader, state.root, round.height, round.queries, isBase, weights);
        for (uint256 j; j < points.length; ++j) {
            points[j] = WhirWeights.codePoint(state.table, points[j]);
        }
    }

    /// @dev Of all claims that rounds added, at r.
    function _addedWeights(State memory state) private pure returns (Fp3 sum) {
        (uint256 pairs, uint256 end) = WhirWeights.pairs(state.r);
        unchecked {
            for (uint256 i; i < state.added.length; ++i) {
                Added memory added = state.added[i];
                Fp3 gamma = added.gamma;
                uint256 from = WhirParameters.FOLDING * (i + 1);
                pairs += WhirWeights.PAIR * WhirParameters.FOLDING / 2;
                Fp3 inner;
                for (uint256 j = added.points.length; j > 0; --j) {
                    Fp3 weight = WhirWeights.powers(added.points[j - 1], pairs, end);
                    inner = inner.mulAdd(gamma, weight);
                }
                inner = inner.mulAdd(gamma, WhirWeights.powers(added.z, state.r, from));
                sum = inner.mulAdd(gamma, sum);
            }
        }
    }
}
