// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Equations} from "./Equations.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {Handover} from "./Handover.sol";
import {IProofPart} from "./IProofPart.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {ModelEquations} from "./ModelEquations.sol";
import {ModelTerms} from "./ModelTerms.sol";
import {Openings} from "./Openings.sol";
import {Points} from "./Points.sol";
import {ProductSum} from "./ProductSum.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {TermSum} from "./TermSum.sol";
import {Transcript} from "./Transcript.sol";

/// @title The second part of ModelVerifier: what must hold between columns
contract EquationVerifier is IProofPart, ProofErrors {
    using Transcript for Transcript.Reader;

    /// @inheritdoc IProofPart
    function proceed() external pure {
        uint256 root = Handover.resume();
        // A variable set in assembly would be made anew first, with all that it has.
        function(uint256) internal pure returns (uint256) same = _same;
        function(uint256) internal pure returns (Equations.Work memory) work;
        assembly ("memory-safe") {
            work := same
        }
        _check(work(root));
    }

    function _same(uint256 root) private pure returns (uint256) {
        return root;
    }

    function _check(Equations.Work memory work) private pure {
        EquationBuilder.Context memory c = work.context;
        ModelEquations.build(c);
        _checkTerms(c, c.reader);
        uint256 base = Handover.begin();
        Handover.end(base, Openings.copy(base, c.reader, work.registered, work.witness, c.claims));
    }

    /// @dev The terms of all equations must add up to their left sides.
    function _checkTerms(EquationBuilder.Context memory c, Transcript.Reader memory reader)
        private
        pure
    {
        Fp3 chi = reader.challenge();
        (Fp3[] memory r, Fp3 value) =
            ProductSum.reduce(reader, ModelTerms.variables(c.m), EquationBuilder.combine(c, chi));
        // Made at once: a variable that is set later would first be made with a context of its own.
        TermSum.Sum memory sum =
            TermSum.Sum(c, r, Points.start(r), chi, ONE, TermSum.halvings(r.length), ZERO);
        ModelTerms.add(sum);
        if (sum.total != value) revert ProofErrors.ProductMismatch(reader.offset());
    }
}
