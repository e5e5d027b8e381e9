// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "../../src/zkml/Fp3.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";
import {Whir} from "../../src/zkml/Whir.sol";
import {WhirBinding} from "../../src/zkml/WhirBinding.sol";
import {WhirClaims} from "../../src/zkml/WhirClaims.sol";
import {WhirParameters} from "../../src/zkml/WhirParameters.sol";

/// @notice Asks the verifier of WHIR many things in one call, for the test that compares it with C++.
contract WhirBatch is ProofErrors {
    using Transcript for Transcript.Reader;

    struct Blocks {
        uint256 variables;
        uint256 first;
        uint256 count;
    }

    /// @notice The proof: root, binding, the values of claims, opening.
    struct Opening {
        WhirParameters.Parameters parameters;
        Blocks[] claims;
        bytes proof;
    }

    /// @notice Bits of up to eight bytes of a proof are flipped, from `at` on.
    struct Change {
        uint256 at;
        bytes8 flipped;
    }

    function rounds(WhirParameters.Parameters calldata parameters)
        external
        pure
        returns (WhirParameters.Round[] memory)
    {
        return WhirParameters.rounds(parameters);
    }

    /// @return answers For each: the rounds, or the error.
    function roundsOf(WhirParameters.Parameters[] calldata all)
        external
        view
        returns (bytes[] memory answers)
    {
        answers = new bytes[](all.length);
        for (uint256 i; i < all.length; ++i) {
            // forge-lint: disable-next-line(unchecked-call) errors are answers
            (, answers[i]) = address(this).staticcall(abi.encodeCall(this.rounds, (all[i])));
        }
    }

    /// @return gas That the check took, without the reading of what comes before it.
    function verify(Opening calldata given) external view returns (uint256 gas) {
        Transcript.Reader memory reader = Transcript.open("imo.test.whir", "", given.proof);
        bytes32 root = reader.readDigest();
        WhirBinding.OutOfDomain memory binding = WhirBinding.bind(reader);
        // Claims take turns between two points; the other one gives the scales of their blocks.
        Fp3[][2] memory points;
        for (uint256 i; i < 2; ++i) {
            points[i] = new Fp3[](given.parameters.variables);
            for (uint256 j; j < points[i].length; ++j) {
                points[i][j] = reader.challenge();
            }
        }
        WhirClaims.Claim[] memory claims = new WhirClaims.Claim[](given.claims.length);
        for (uint256 i; i < claims.length; ++i) {
            Blocks calldata blocks = given.claims[i];
            Fp3[] memory scales = new Fp3[](blocks.count);
            for (uint256 j; j < scales.length; ++j) {
                scales[j] = points[1 - i % 2][j];
            }
            claims[i] = WhirClaims.Claim(
                points[i % 2], blocks.variables, blocks.first, scales, reader.readFp3()
            );
        }
        gas = gasleft();
        Whir.check(reader, given.parameters, root, binding, claims);
        gas -= gasleft();
        reader.finish();
    }

    /// @return answers For each change alone: the error, or nothing when the proof is accepted.
    function disturb(Opening calldata given, Change[] calldata changes)
        external
        view
        returns (bytes[] memory answers)
    {
        answers = new bytes[](changes.length);
        Opening memory changed = given;
        for (uint256 i; i < changes.length; ++i) {
            _flip(changed.proof, changes[i]);
            (bool isAccepted, bytes memory data) =
                address(this).staticcall(abi.encodeCall(this.verify, (changed)));
            if (!isAccepted) answers[i] = data;
            _flip(changed.proof, changes[i]);
        }
    }

    function _flip(bytes memory proof, Change calldata change) private pure {
        for (uint256 i; i < 8 && change.at + i < proof.length; ++i) {
            proof[change.at + i] ^= change.flipped[i];
        }
    }
}
