// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "../../src/zkml/Fp3.sol";
import {FractionSum} from "../../src/zkml/FractionSum.sol";
import {ProofErrors} from "../../src/zkml/ProofErrors.sol";
import {ProofTree} from "../../src/zkml/ProofTree.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";
import {WhirParameters} from "../../src/zkml/WhirParameters.sol";

/// @notice Asks the parts of the proof's verifier many things in one call, for the test that compares them with C++.
contract ProofBatch is ProofErrors {
    using Transcript for Transcript.Reader;

    enum Act {
        ReadFp,
        ReadFp3,
        ReadDigest,
        Challenge,
        Indices, // count, bits
        Grinding, // bits
        Opening, // height, count, then position and leaf for each
        Fractions, // variables
        Finish
    }

    struct Conversation {
        string protocol;
        bytes statement;
        bytes proof;
        uint256[] acts;
    }

    /// @return results For each pair of elements: sum, difference, product, product plus the first, inverse of the first
    /// (0 of 0).
    function calculate(uint256[] calldata a, uint256[] calldata b)
        external
        pure
        returns (uint256[] memory results)
    {
        results = new uint256[](5 * a.length);
        for (uint256 i; i < a.length; ++i) {
            Fp3 x = Fp3.wrap(a[i]);
            Fp3 y = Fp3.wrap(b[i]);
            results[5 * i] = Fp3.unwrap(x + y);
            results[5 * i + 1] = Fp3.unwrap(x - y);
            results[5 * i + 2] = Fp3.unwrap(x * y);
            results[5 * i + 3] = Fp3.unwrap(x.mulAdd(y, x));
            if (a[i] != 0) results[5 * i + 4] = Fp3.unwrap(x.inverse());
        }
    }

    /// @return answers For each conversation: the words that were heard, or the error that ended it.
    function converse(Conversation[] calldata all) external view returns (bytes[] memory answers) {
        answers = new bytes[](all.length);
        for (uint256 i; i < all.length; ++i) {
            // forge-lint: disable-next-line(unchecked-call) errors are answers
            (, answers[i]) = address(this).staticcall(abi.encodeCall(this.listen, (all[i])));
        }
    }

    /// @notice Variables of the whole, number of parts, then parts and rounds, six numbers each.
    function plan(WhirParameters.Parameters calldata parameters)
        external
        pure
        returns (uint256[] memory flat)
    {
        WhirParameters.Plan memory all = WhirParameters.plan(parameters);
        flat = new uint256[](2 + 6 * (all.parts.length + all.rounds.length));
        (flat[0], flat[1]) = (all.variables, all.parts.length);
        for (uint256 i; i < all.parts.length + all.rounds.length; ++i) {
            WhirParameters.Part memory part =
                i < all.parts.length ? all.parts[i] : all.rounds[i - all.parts.length];
            uint256 at = 2 + 6 * i;
            (flat[at], flat[at + 1], flat[at + 2]) = (part.variables, part.height, part.queries);
            (flat[at + 3], flat[at + 4], flat[at + 5]) =
            (part.number, part.holeVariables, part.holeNumber);
        }
    }

    /// @return answers For each: the plan, or the error.
    function plansOf(WhirParameters.Parameters[] calldata all)
        external
        view
        returns (bytes[] memory answers)
    {
        answers = new bytes[](all.length);
        for (uint256 i; i < all.length; ++i) {
            // forge-lint: disable-next-line(unchecked-call) errors are answers
            (, answers[i]) = address(this).staticcall(abi.encodeCall(this.plan, (all[i])));
        }
    }

    function listen(Conversation calldata given) external pure {
        Transcript.Reader memory reader =
            Transcript.open(given.protocol, given.statement, given.proof);
        bytes memory heard;
        bytes32 digest;
        for (uint256 i; i < given.acts.length; ++i) {
            Act act = Act(given.acts[i]);
            if (act == Act.ReadFp) {
                heard = bytes.concat(heard, bytes32(reader.readFp()));
            } else if (act == Act.ReadFp3) {
                heard = bytes.concat(heard, bytes32(Fp3.unwrap(reader.readFp3())));
            } else if (act == Act.ReadDigest) {
                digest = reader.readDigest();
                heard = bytes.concat(heard, digest);
            } else if (act == Act.Challenge) {
                heard = bytes.concat(heard, bytes32(Fp3.unwrap(reader.challenge())));
            } else if (act == Act.Indices) {
                heard = bytes.concat(
                    heard,
                    abi.encodePacked(reader.challengeIndices(given.acts[i + 1], given.acts[i + 2]))
                );
                i += 2;
            } else if (act == Act.Grinding) {
                reader.checkGrinding(given.acts[++i]);
            } else if (act == Act.Opening) {
                uint256 height = given.acts[i + 1];
                bytes32[] memory nodes = new bytes32[](given.acts[i + 2]);
                i += 2;
                for (uint256 j; j < nodes.length; ++j) {
                    nodes[j] = bytes32(given.acts[i + 2] | given.acts[i + 1]);
                    i += 2;
                }
                ProofTree.check(reader, digest, height, nodes);
            } else if (act == Act.Fractions) {
                (Fp3 numerator, Fp3 denominator, Fp3[] memory point) =
                    FractionSum.check(reader, given.acts[++i]);
                heard = bytes.concat(heard, abi.encodePacked(numerator, denominator, point));
            } else {
                reader.finish();
            }
        }
        assembly ("memory-safe") {
            return(add(heard, 32), mload(heard))
        }
    }
}
