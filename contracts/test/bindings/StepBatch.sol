// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";

/// @notice Asks a verifier many things in one call, for the test that compares it with C++.
contract StepBatch {
    enum Question {
        Step,
        StepSum
    }

    /// @notice How a case is changed before the verifier sees it.
    /// @param number Of the sum.
    /// @param leafLength Bytes kept of the leaf.
    /// @param witnessLength Bytes of the witness: cut, or filled up with zeros.
    /// @param at Where in leaf and witness, one behind the other, a byte is changed.
    /// @param mask What it is XORed with; `leafHash` is that of the changed leaf or a wrong one.
    struct Variation {
        Question question;
        uint256 leafIndex;
        bytes32 leafHash;
        uint256 element;
        uint256 number;
        uint256 leafLength;
        uint256 witnessLength;
        uint256 at;
        uint8 mask;
    }

    struct Case {
        bytes leaf;
        bytes sums;
        bytes witness;
        Variation[] variations;
    }

    struct Batch {
        IStepVerifier verifier;
        IStepVerifier.ModelOpening model;
        IStepVerifier.Claim claim;
        Case[] cases;
    }

    /// @return answers One for each variation: what was returned, or the selector of the error.
    function ask(Batch calldata batch) external view returns (bytes4[] memory answers) {
        uint256 count;
        for (uint256 i; i < batch.cases.length; ++i) {
            count += batch.cases[i].variations.length;
        }
        answers = new bytes4[](count);
        uint256 next;
        for (uint256 i; i < batch.cases.length; ++i) {
            for (uint256 j; j < batch.cases[i].variations.length; ++j) {
                uint256 free;
                assembly ("memory-safe") {
                    free := mload(0x40)
                }
                answers[next++] =
                    _answer(batch.verifier, _question(batch, i, batch.cases[i].variations[j]));
                // Memory of one question serves the next.
                assembly ("memory-safe") {
                    mstore(0x40, free)
                }
            }
        }
    }

    function _answer(IStepVerifier verifier, bytes memory question) private view returns (bytes4) {
        (bool success, bytes memory data) = address(verifier).staticcall(question);
        if (success) return bytes4(uint32(abi.decode(data, (uint256))));
        // forge-lint: disable-next-line(unsafe-typecast) within a leaf or a witness
        return data.length < 4 ? bytes4(0xffffffff) : bytes4(data);
    }

    function _question(Batch calldata batch, uint256 number, Variation calldata change)
        private
        pure
        returns (bytes memory)
    {
        (bytes memory leaf, bytes memory witness) = _changed(batch.cases[number], change);
        IStepVerifier.Place memory place =
            IStepVerifier.Place(change.leafIndex, change.leafHash, change.element);
        if (change.question == Question.Step) {
            return
                abi.encodeCall(IStepVerifier.step, (batch.model, batch.claim, place, leaf, witness));
        }
        IStepVerifier.SumQuestion memory sum =
            IStepVerifier.SumQuestion(change.number, batch.cases[number].sums, leaf);
        return
            abi.encodeCall(IStepVerifier.stepSum, (batch.model, batch.claim, place, sum, witness));
    }

    function _changed(Case calldata given, Variation calldata change)
        private
        pure
        returns (bytes memory leaf, bytes memory witness)
    {
        leaf = _resized(given.leaf, change.leafLength);
        witness = _resized(given.witness, change.witnessLength);
        if (change.at < leaf.length) {
            leaf[change.at] ^= bytes1(change.mask);
        } else if (change.at >= given.leaf.length) {
            uint256 at = change.at - given.leaf.length;
            if (at < witness.length) witness[at] ^= bytes1(change.mask);
        }
    }

    function _resized(bytes calldata from, uint256 length) private pure returns (bytes memory to) {
        to = new bytes(length);
        uint256 kept = length < from.length ? length : from.length;
        assembly ("memory-safe") {
            calldatacopy(add(to, 32), from.offset, kept)
        }
    }
}
