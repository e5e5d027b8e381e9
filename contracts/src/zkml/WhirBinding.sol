// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, isCanonical} from "./Fp3.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

/// @title What binds a commitment to one codeword
/// @notice docs/proof.md, "WHIR", is normative ("Commit").
library WhirBinding {
    using Transcript for Transcript.Reader;

    /// @notice The claim that the vector's univariate polynomial is `value` at `point`.
    struct OutOfDomain {
        Fp3 point;
        Fp3 value;
    }

    /// @notice Comes after the root is known, and before any challenge that a claim depends on.
    function bind(Transcript.Reader memory reader)
        internal
        pure
        returns (OutOfDomain memory binding)
    {
        binding.point = reader.challenge();
        binding.value = reader.readFp3();
    }

    /// @notice What binds the weights of a registered model: a claim made once, which the dispute game can contest.
    /// @param value An element of F.
    function registered(bytes32 modelRoot, bytes26 weightsRoot, bytes32 shapeHash, bytes24 value)
        internal
        pure
        returns (OutOfDomain memory binding)
    {
        uint256 word = uint192(value);
        if (!isCanonical(word)) revert ProofErrors.BadShape();
        bytes memory statement = abi.encodePacked(modelRoot, weightsRoot, shapeHash);
        binding.point = Transcript.open("imo.registration.1", statement, msg.data[:0]).challenge();
        binding.value = Fp3.wrap(word);
    }
}
