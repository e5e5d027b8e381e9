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

    /// @param commitment Which; those of the first one come first.
    struct Blocks {
        uint256 commitment;
        uint256 variables;
        uint256 first;
        uint256 count;
    }

    /// @notice The proof: for each commitment root and binding; for each the values of its claims; opening.
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

    /// @return gas That the check took, without the reading of what comes before it.
    function verify(Opening calldata given) external view returns (uint256 gas) {
        Transcript.Reader memory reader = Transcript.open("imo.test.whir", "", given.proof);
        WhirClaims.Committed[] memory committed =
            new WhirClaims.Committed[](given.parameters.commitments.length);
        for (uint256 i; i < committed.length; ++i) {
            committed[i].root = reader.readDigest();
            committed[i].binding = WhirBinding.bind(reader);
        }
        for (uint256 i; i < committed.length; ++i) {
            committed[i].claims = _claims(reader, given, i);
        }
        gas = gasleft();
        Whir.check(reader, given.parameters, committed);
        gas -= gasleft();
        reader.finish();
    }

    /// @dev Claims on a commitment take turns between two points; the other one gives the scales of their blocks.
    function _claims(Transcript.Reader memory reader, Opening calldata given, uint256 commitment)
        private
        pure
        returns (WhirClaims.Claim[] memory claims)
    {
        Fp3[][2] memory points;
        for (uint256 i; i < 2; ++i) {
            points[i] = new Fp3[](given.parameters.commitments[commitment].variables);
            for (uint256 j; j < points[i].length; ++j) {
                points[i][j] = reader.challenge();
            }
        }
        claims = new WhirClaims.Claim[](given.claims.length);
        uint256 count;
        for (uint256 i; i < given.claims.length; ++i) {
            Blocks calldata blocks = given.claims[i];
            if (blocks.commitment != commitment) continue;
            Fp3[] memory scales = new Fp3[](blocks.count);
            for (uint256 j; j < scales.length; ++j) {
                scales[j] = points[1 - count % 2][j];
            }
            claims[count] = WhirClaims.Claim(
                points[count % 2], blocks.variables, blocks.first, scales, reader.readFp3()
            );
            ++count;
        }
        assembly ("memory-safe") {
            mstore(claims, count)
        }
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
