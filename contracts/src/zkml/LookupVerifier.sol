// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "../interfaces/IModelVerifier.sol";
import {PackedTokens} from "../libraries/PackedTokens.sol";
import {Circuit} from "./Circuit.sol";
import {Leaves} from "./CircuitWords.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Equations} from "./Equations.sol";
import {Fp3} from "./Fp3.sol";
import {FractionSum} from "./FractionSum.sol";
import {Handover} from "./Handover.sol";
import {IProofFront, IProofPart} from "./IProofPart.sol";
import {Lookups} from "./Lookups.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {ModelShape} from "./ModelShape.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title The first part of ModelVerifier: what is looked up
contract LookupVerifier is IProofFront, ProofErrors {
    using Transcript for Transcript.Reader;
    using ColumnClaims for ColumnClaims.Known;

    IProofPart public immutable EQUATIONS;

    constructor(IProofPart equations) {
        EQUATIONS = equations;
    }

    /// @inheritdoc IProofFront
    function checkFront(
        IModelVerifier.VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata front
    ) external view {
        Equations.Work memory work;
        ModelCircuit.Model memory m = work.context.m;
        m.shape = ModelShape.decode(key.shape);
        _readAnswer(m, prompt, output);
        ModelCircuit.build(m);
        bytes memory statement = abi.encodePacked(
            key.modelRoot,
            key.weightsRoot,
            key.bindingValue,
            keccak256(key.shape),
            context,
            uint32(PackedTokens.count(prompt)),
            prompt,
            output
        );
        Transcript.Reader memory reader = Transcript.open("imo.proof.3", statement, front);
        work.registered.committed.root = bytes32(key.weightsRoot);
        work.registered.committed.binding = WhirBinding.registered(
            key.modelRoot, key.weightsRoot, keccak256(key.shape), key.bindingValue
        );
        _check(work, m, reader);
    }

    /// @dev The twin of check_answer_form.
    function _readAnswer(ModelCircuit.Model memory m, bytes calldata prompt, bytes calldata output)
        private
        pure
    {
        if (!PackedTokens.isPacked(prompt) || !PackedTokens.isPacked(output)) revert BadAnswer();
        uint256 asked = PackedTokens.count(prompt);
        uint256 written = PackedTokens.count(output);
        if (asked == 0 || written == 0 || asked + written > m.shape.context) revert BadAnswer();
        uint256 bound = m.shape.vocabulary;
        uint256 end = PackedTokens.firstEqual(output, m.shape.endToken);
        if (
            PackedTokens.firstNotBelow(prompt, bound) != asked
                || PackedTokens.firstNotBelow(output, bound) != written || end + 1 < written
        ) revert BadAnswer();
        m.choices = written;
        m.positions = asked + written - 1;
        m.tokens = new uint256[](asked + written);
        for (uint256 i; i < asked; ++i) {
            m.tokens[i] = PackedTokens.read(prompt, i);
        }
        for (uint256 i; i < written; ++i) {
            m.tokens[asked + i] = PackedTokens.read(output, i);
        }
    }

    /// @dev The twin of check_circuit, up to its equations, which another contract goes on with.
    function _check(
        Equations.Work memory work,
        ModelCircuit.Model memory m,
        Transcript.Reader memory reader
    ) private view {
        WhirParameters.Commitment memory size = work.witness.size;
        (size.stored, work.registered.size.stored) = Circuit.place(m.circuit);
        size.variables = Circuit.variablesFor(size.stored);
        size.rate = Circuit.witnessRate(size.variables);
        work.witness.committed.root = reader.readDigest();
        work.witness.committed.binding = WhirBinding.bind(reader);
        size = work.registered.size;
        size.variables = Circuit.variablesFor(size.stored);
        size.rate = Circuit.registeredRate(size.variables);
        Lookups.Challenges memory challenges;
        challenges.beta = reader.challenge();
        challenges.beta2 = challenges.beta * challenges.beta;
        challenges.alpha = reader.challenge();
        (Leaves[] memory order, uint256 variables) = Lookups.segments(m.circuit);
        (Fp3 numerator, Fp3 denominator, Fp3[] memory rho) = FractionSum.check(reader, variables);
        EquationBuilder.Context memory c = work.context;
        c.claims = ColumnClaims.create(rho, m.circuit.columnCount);
        c.virtuals =
            Lookups.check(reader, m.circuit, order, challenges, c.claims, [numerator, denominator]);
        (c.reader, c.rho) = (reader, Points.start(rho));
        (uint256 root, uint256 there) = (0, 0);
        assembly ("memory-safe") {
            root := work
            there := reader
        }
        Handover.pass(address(EQUATIONS), IProofPart.proceed.selector, root, there);
    }
}
