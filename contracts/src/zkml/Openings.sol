// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ColumnClaims} from "./ColumnClaims.sol";
import {Handover} from "./Handover.sol";
import {Transcript} from "./Transcript.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title What EquationVerifier hands over to ModelVerifier
library Openings {
    using ColumnClaims for ColumnClaims.Known;

    /// @notice A commitment, as it is to be opened.
    struct Opening {
        WhirParameters.Commitment size;
        WhirClaims.Committed committed;
    }

    /// @notice Both commitments, and the proof's reader where their opening begins; see Transcript.moveTo().
    struct All {
        Transcript.Reader reader;
        Opening registered;
        Opening witness;
    }

    /// @dev Words of what is copied.
    uint256 private constant READER = 5;
    uint256 private constant SIZE = 3;
    uint256 private constant BINDING = 2;

    /// @notice Copies what an opening needs to a memory of its own; nothing of it may be used here any more.
    /// @param base See Handover.begin().
    /// @return root Where the taker has All.
    function copy(
        uint256 base,
        Transcript.Reader memory reader,
        Opening memory registered,
        Opening memory witness,
        ColumnClaims.Known memory claims
    ) internal pure returns (uint256 root) {
        uint256 at;
        assembly ("memory-safe") {
            at := reader
        }
        uint256 there = Handover.put(base, at, READER);
        uint256 first = _copyOpening(base, registered, claims.copy(base, true));
        uint256 second = _copyOpening(base, witness, claims.copy(base, false));
        root = _put(base, there, first, second);
    }

    /// @param claims Where the taker has them.
    function _copyOpening(uint256 base, Opening memory opening, uint256 claims)
        private
        pure
        returns (uint256)
    {
        (uint256 size, uint256 binding) = (0, 0);
        WhirClaims.Committed memory committed = opening.committed;
        assembly ("memory-safe") {
            size := mload(opening)
            binding := mload(add(committed, 0x20))
        }
        size = Handover.put(base, size, SIZE);
        binding = Handover.put(base, binding, BINDING);
        uint256 there = _put(base, uint256(committed.root), binding, claims);
        return _put(base, size, there, 0);
    }

    function _put(uint256 base, uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        uint256[3] memory words = [a, b, c];
        uint256 at;
        assembly ("memory-safe") {
            at := words
        }
        return at - base;
    }
}
