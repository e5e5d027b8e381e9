// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CARRIES, FILL, Fp3, P, isCanonical} from "./Fp3.sol";
import {ProofErrors} from "./ProofErrors.sol";

/// @dev 85 bits: a part of a challenge, before it is reduced.
uint256 constant MASK85 = 0x1fffffffffffffffffffff;

/// @title The only reader of a proof: to read is to absorb
/// @notice The twin of ProofReader in src/imo/zkml/transcript.hpp; docs/proof.md, "Transcript", is normative. A proof
/// is read from calldata, in order, and each challenge is a hash of the statement and of all that was read before it.
library Transcript {
    /// @param state Of the transcript, as of the last challenge.
    /// @param block Calldata offset of the first byte that was read after the last challenge.
    /// @param at Calldata offset of the next byte.
    /// @param end Calldata offset behind the proof.
    /// @param start Calldata offset of the proof; below zero, mod 2^256, where only its end is in calldata.
    struct Reader {
        bytes32 state;
        uint256 blockAt;
        uint256 at;
        uint256 end;
        uint256 start;
    }

    /// @param protocol Names protocol and version.
    /// @param statement What both sides know beforehand: all that a verifier takes from elsewhere.
    function open(string memory protocol, bytes memory statement, bytes calldata proof)
        internal
        pure
        returns (Reader memory reader)
    {
        reader.state = keccak256(abi.encode(keccak256(bytes(protocol)), keccak256(statement)));
        uint256 at;
        assembly ("memory-safe") {
            at := proof.offset
        }
        reader.start = at;
        reader.blockAt = at;
        reader.at = at;
        reader.end = at + proof.length;
    }

    /// @notice Goes on with the same proof, as it is in this call's data.
    function moveTo(Reader memory reader, bytes calldata proof) internal pure {
        uint256 at;
        assembly ("memory-safe") {
            at := proof.offset
        }
        unchecked {
            uint256 moved = at - reader.start;
            reader.start = at;
            reader.blockAt += moved;
            reader.at += moved;
            reader.end = at + proof.length;
        }
    }

    /// @notice Bytes read so far.
    function offset(Reader memory reader) internal pure returns (uint256) {
        unchecked {
            return reader.at - reader.start;
        }
    }

    /// @notice The calldata offset of the next `size` bytes, which are absorbed.
    function take(Reader memory reader, uint256 size) internal pure returns (uint256 at) {
        at = reader.at;
        unchecked {
            if (size > reader.end - at) revert ProofErrors.ProofTooShort(at - reader.start);
            reader.at = at + size;
        }
    }

    /// @notice An element of F_p.
    function readFp(Reader memory reader) internal pure returns (uint256 a) {
        uint256 at = take(reader, 8);
        assembly ("memory-safe") {
            a := shr(192, calldataload(at))
        }
        if (!isCanonical(a)) revert ProofErrors.NotCanonical(_offset(reader, at));
    }

    /// @dev The most frequent step of a verifier, so the checks are fast and their failures sorted out afterwards.
    function readFp3(Reader memory reader) internal pure returns (Fp3 a) {
        uint256 at;
        bool isRead;
        assembly ("memory-safe") {
            at := mload(add(reader, 0x40))
            let next := add(at, 24)
            a := shr(64, calldataload(at))
            mstore(add(reader, 0x40), next)
            // isCanonical(a)
            isRead := iszero(
                or(
                    gt(next, mload(add(reader, 0x60))),
                    and(xor(add(a, FILL), xor(a, FILL)), CARRIES)
                )
            )
        }
        if (!isRead) _refuse(reader, at, 24);
    }

    /// @notice A node of a tree, in the first 26 bytes.
    function readDigest(Reader memory reader) internal pure returns (bytes32 digest) {
        uint256 at = take(reader, 26);
        assembly ("memory-safe") {
            digest := shl(48, shr(48, calldataload(at)))
        }
    }

    /// @notice An element that depends on all that was read before.
    function challenge(Reader memory reader) internal pure returns (Fp3 c) {
        uint256 s = uint256(_squeeze(reader));
        assembly ("memory-safe") {
            c := or(
                or(shl(128, mod(shr(170, s), P)), shl(64, mod(and(shr(85, s), MASK85), P))),
                mod(and(s, MASK85), P)
            )
        }
    }

    /// @notice Goes on where a caller stopped who read elements of F up to `at`, and made challenges of them and put them into the
    /// state, by itself: reverts as if they had been read here if one is not canonical or behind the proof.
    /// @param carries Meets CARRIES when one is not canonical.
    function goTo(Reader memory reader, uint256 at, uint256 carries) internal pure {
        if (at > reader.end || carries & CARRIES != 0) {
            // One of them is at fault.
            while (true) readFp3(reader);
        }
        (reader.blockAt, reader.at) = (at, at);
    }

    /// @notice `count` numbers of `bits` bits, 1 to 32, in order and possibly repeated.
    function challengeIndices(Reader memory reader, uint256 count, uint256 bits)
        internal
        pure
        returns (uint256[] memory indices)
    {
        if (bits == 0 || bits > 32) revert ProofErrors.BadIndexBits(bits);
        indices = new uint256[](count);
        uint256 next;
        unchecked {
            while (next != count) {
                uint256 s = uint256(_squeeze(reader));
                for (uint256 left = 256; left >= bits && next != count; left -= bits) {
                    assembly ("memory-safe") {
                        mstore(add(indices, shl(5, add(next, 1))), shr(sub(256, bits), s))
                        s := shl(bits, s)
                    }
                    ++next;
                }
            }
        }
    }

    /// @notice Reads the nonce that makes the next state begin with `bits` zeros (at most 64), and checks it. Nothing is
    /// read for 0.
    function checkGrinding(Reader memory reader, uint256 bits) internal pure {
        if (bits == 0) return;
        _squeeze(reader);
        uint256 at = take(reader, 8);
        if (uint256(_squeeze(reader)) >> (256 - bits) != 0) {
            revert ProofErrors.WorkMissing(_offset(reader, at));
        }
    }

    /// @notice Every verifier ends with it.
    function finish(Reader memory reader) internal pure {
        if (reader.at != reader.end) revert ProofErrors.ProofTooLong(offset(reader));
    }

    /// @dev An element of `size` bytes at `at` is faulty.
    function _refuse(Reader memory reader, uint256 at, uint256 size) private pure {
        unchecked {
            if (size > reader.end - at) revert ProofErrors.ProofTooShort(at - reader.start);
            revert ProofErrors.NotCanonical(at - reader.start);
        }
    }

    function _offset(Reader memory reader, uint256 at) private pure returns (uint256) {
        unchecked {
            return at - reader.start;
        }
    }

    /// @dev Closes the block and gives the new state.
    function _squeeze(Reader memory reader) private pure returns (bytes32 state) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let blockAt := mload(add(reader, 0x20))
            let at := mload(add(reader, 0x40))
            mstore(free, mload(reader))
            calldatacopy(add(free, 32), blockAt, sub(at, blockAt))
            state := keccak256(free, add(32, sub(at, blockAt)))
            mstore(reader, state)
            mstore(add(reader, 0x20), at)
        }
    }
}
