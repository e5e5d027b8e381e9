// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Column} from "./CircuitWords.sol";
import {Fp3, ONE} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {Transcript} from "./Transcript.sol";

/// @title Values of columns, read when they are first asked for
/// @notice The twin of src/imo/zkml/column.cpp. A value that was read is a claim, to be opened in the end; it is not read again.
library ColumnClaims {
    using Transcript for Transcript.Reader;

    /// @param rho The point where the sum of fractions ended; most claims are at its first coordinates.
    /// @param atRho By column: where its claim there is in memory, or zero.
    /// @param latest By column: where its latest claim is, or zero.
    /// @param witness Claims on the witness, in the order in which they were read: where they are.
    /// @param registered The same of those on the registered model.
    /// @param starts A bit for each number of coordinates with which rho was met.
    /// @param points Points met, by their hash: its first 224 bits and where the point is; a word of zero is free.
    /// @param scales The same of what columns' highest coordinates weigh blocks with.
    /// @param one The scale of columns that are one block.
    struct Known {
        Fp3[] rho;
        Claim[] atRho;
        Claim[] latest;
        Claim[] witness;
        uint256 witnessCount;
        Claim[] registered;
        uint256 registeredCount;
        uint256 starts;
        uint256[] points;
        uint256[] scales;
        Fp3[] one;
    }

    /// @dev WhirClaims.Claim, and where the column's claim before it is, or zero.
    struct Claim {
        Fp3[] point;
        uint256 variables;
        uint256 first;
        Fp3[] scales;
        Fp3 value;
        uint256 before;
    }

    uint256 private constant MOST_WITNESS = 256;
    uint256 private constant MOST_REGISTERED = 64;
    /// @dev Powers of two. A circuit has about half as many, whatever the model.
    uint256 private constant POINTS = 256;
    uint256 private constant SCALES = 64;

    function create(Fp3[] memory rho, uint256 columns) internal pure returns (Known memory known) {
        known.rho = rho;
        known.atRho = _noClaims(columns);
        known.latest = _noClaims(columns);
        known.witness = _noClaims(MOST_WITNESS);
        known.registered = _noClaims(MOST_REGISTERED);
        known.points = new uint256[](POINTS);
        known.scales = new uint256[](SCALES);
        known.one = new Fp3[](1);
        known.one[0] = ONE;
    }

    /// @dev Room for claims that are still to be made; `new` would make them all.
    function _noClaims(uint256 count) private pure returns (Claim[] memory list) {
        uint256[] memory room = new uint256[](count);
        assembly ("memory-safe") {
            list := room
        }
    }

    /// @notice The column's value at the first coordinates of rho.
    function valueAtRho(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column
    ) internal pure returns (Fp3) {
        if (_isNone(known.atRho[column])) {
            _meetRho(known, b.columns[column].variables());
            _read(known, b, reader, column, known.rho);
            known.atRho[column] = known.latest[column];
        }
        return known.atRho[column].value;
    }

    /// @dev From now on rho stands for all points with its first coordinates.
    function _meetRho(Known memory known, uint256 count) private pure {
        if (known.starts >> count & 1 == 1) return;
        known.starts |= 1 << count;
        Fp3[] memory point = known.rho;
        (uint256 place,) = _find(known.points, Points.start(point), count);
        _put(place, point);
    }

    function _isNone(Claim memory claim) private pure returns (bool isNone) {
        assembly ("memory-safe") {
            isNone := iszero(claim)
        }
    }

    /// @notice The point that stands for all with these coordinates: the one met first.
    function met(Known memory known, Fp3[] memory point)
        internal
        pure
        returns (Fp3[] memory first)
    {
        uint256 count = point.length;
        first = metStart(known, point, count);
        assembly ("memory-safe") {
            // The one behind all else in memory is not needed when it was met before.
            let end := add(point, shl(5, add(count, 1)))
            if and(gt(point, first), eq(end, mload(0x40))) { mstore(0x40, point) }
        }
    }

    /// @notice The same of the first `count` coordinates of a point.
    function metStart(Known memory known, Fp3[] memory point, uint256 count)
        internal
        pure
        returns (Fp3[] memory first)
    {
        uint256 place;
        (place, first) = _find(known.points, Points.start(point), count);
        if (_isMissing(first)) {
            _put(place, point);
            first = point;
        }
    }

    /// @notice The column's value at a point of as many coordinates as it has variables.
    /// @param point As met() gives it.
    function value(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column,
        Fp3[] memory point
    ) internal pure returns (Fp3) {
        Claim memory claim = known.latest[column];
        while (!_isNone(claim)) {
            if (Points.start(claim.point) == Points.start(point)) return claim.value;
            uint256 before = claim.before;
            assembly ("memory-safe") {
                claim := before
            }
        }
        _read(known, b, reader, column, point);
        return known.latest[column].value;
    }

    /// @notice Copies the claims on one commitment, as WhirClaims has them, to what is handed over; see Handover.begin(). Points and
    /// scales are copied once, and of no use afterwards: where they were it says where they are.
    /// @return at Where the callee has the list.
    function copy(Known memory known, uint256 base, bool isRegistered)
        internal
        pure
        returns (uint256 at)
    {
        Claim[] memory list = isRegistered ? known.registered : known.witness;
        uint256 count = isRegistered ? known.registeredCount : known.witnessCount;
        assembly ("memory-safe") {
            // Where the callee has a run of elements: copied now, or before, and then told by what was its length.
            function copied(run, from) -> there {
                there := mload(run)
                switch shr(128, there)
                case 0 {
                    let size := shl(5, add(there, 1))
                    let to := mload(0x40)
                    mcopy(to, run, size)
                    mstore(0x40, add(to, size))
                    there := sub(to, from)
                    mstore(run, shl(128, there))
                }
                default { there := shr(128, there) }
            }
            let to := mload(0x40)
            at := sub(to, base)
            mstore(to, count)
            to := add(to, 32)
            let claims := add(to, shl(5, count))
            mstore(0x40, add(claims, mul(count, 160)))
            for { let end := claims } lt(to, end) { to := add(to, 32) } {
                list := add(list, 32)
                let claim := mload(list)
                mstore(to, sub(claims, base))
                mcopy(claims, claim, 160)
                mstore(claims, copied(mload(claim), base))
                mstore(add(claims, 96), copied(mload(add(claim, 96)), base))
                claims := add(claims, 160)
            }
        }
    }

    /// @dev The claim that is read becomes the column's latest.
    function _read(
        Known memory known,
        Circuit.Builder memory b,
        Transcript.Reader memory reader,
        uint256 column,
        Fp3[] memory point
    ) private pure {
        Column from = b.columns[column];
        uint256 v = from.blockVariables();
        uint256 bits = from.blockBits();
        Fp3[] memory scales = bits == 0
            ? known.one
            : _scales(known, Points.start(point) + 32 * v, bits, from.blocks());
        Claim memory claim = known.latest[column];
        uint256 before;
        assembly ("memory-safe") {
            before := claim
        }
        claim = Claim(point, v, from.offset() >> v, scales, reader.readFp3(), before);
        known.latest[column] = claim;
        unchecked {
            // Their lists have a length, so there are not too many.
            if (from.isRegistered()) known.registered[known.registeredCount++] = claim;
            else known.witness[known.witnessCount++] = claim;
        }
    }

    /// @dev Of `blocks` blocks, by the coordinates that count them.
    function _scales(Known memory known, uint256 r, uint256 bits, uint256 blocks)
        private
        pure
        returns (Fp3[] memory scales)
    {
        uint256 place;
        (place, scales) = _find(known.scales, r, bits);
        if (!_isMissing(scales)) return scales;
        scales = Points.weights(r, bits);
        assembly ("memory-safe") {
            mstore(scales, blocks)
        }
        _put(place, scales);
    }

    /// @dev The place of n coordinates in a table by their hash, free or not, and what was put there: zero if nothing was. The hash is
    /// in the place from now on.
    function _find(uint256[] memory places, uint256 r, uint256 n)
        private
        pure
        returns (uint256 place, Fp3[] memory there)
    {
        assembly ("memory-safe") {
            let hash := keccak256(r, shl(5, n))
            let mask := sub(mload(places), 1)
            let at := and(shr(32, hash), mask)
            for {} 1 { at := and(add(at, 1), mask) } {
                place := add(add(places, 32), shl(5, at))
                there := mload(place)
                if iszero(there) {
                    mstore(place, shl(32, shr(32, hash)))
                    break
                }
                if iszero(shr(32, xor(there, hash))) { break }
            }
            there := and(there, 0xffffffff)
        }
    }

    /// @dev Puts a run of elements where _find() found a place for it.
    function _put(uint256 place, Fp3[] memory run) private pure {
        assembly ("memory-safe") {
            mstore(place, or(mload(place), run))
        }
    }

    function _isMissing(Fp3[] memory run) private pure returns (bool isMissing) {
        assembly ("memory-safe") {
            isMissing := iszero(run)
        }
    }
}
