// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Why a proof is refused
/// @notice `offset` counts the bytes of the proof that were read when the fault was found, or those before the faulty
/// element. The C++ verifier says the same of the same bytes.
interface ProofErrors {
    /// @notice The element at `offset` does not fit.
    error ProofTooShort(uint256 offset);
    /// @notice Bytes are left behind `offset`.
    error ProofTooLong(uint256 offset);
    /// @notice A word of the element at `offset` is not below the modulus.
    error NotCanonical(uint256 offset);
    /// @notice The nonce at `offset` does not do the work that is asked for.
    error WorkMissing(uint256 offset);
    /// @notice The rows read before `offset` do not lead to the committed root.
    error RootMismatch(uint256 offset);
    /// @notice A row read before `offset` does not fold to the last vector.
    error LastVectorMismatch(uint256 offset);
    /// @notice The fractions of the root read before `offset` do not add up to zero, or one has denominator zero.
    error SumNotZero(uint256 offset);
    /// @notice A level read before `offset` is not what the one above it claims.
    error LevelMismatch(uint256 offset);
    /// @notice The values read before `offset` are not those that were looked up.
    error LookupMismatch(uint256 offset);
    /// @notice The sums of products that end at `offset` do not hold.
    error ProductMismatch(uint256 offset);
    /// @notice The claimed values do not belong to the commitment.
    error ClaimMismatch(uint256 offset);

    /// @notice Not the shape of a model that can be proven.
    error BadShape();
    /// @notice Not an answer that the model can give: no tokens, too many, outside of the vocabulary, or behind the end.
    error BadAnswer();

    // What a contract can ask for by mistake; no proof leads there.

    /// @notice An index has 1 to 32 bits.
    error BadIndexBits(uint256 bits);
    /// @notice Parameters out of their range.
    error BadParameters();
    /// @notice Parameters that give less than the security that was asked for.
    error TooLittleSecurity(uint256 security, uint256 asked);
    /// @notice Claims number at most 2^16 in all; `count` more are too many.
    error BadClaimCount(uint256 count);
    /// @notice A point with another number of coordinates than the commitment has variables.
    error BadDimension(uint256 coordinates, uint256 variables);
    /// @notice Blocks `first` .. `first + count - 1` are not all below `end`.
    error BadBlocks(uint256 first, uint256 count, uint256 end);
    /// @notice More elements than an array has.
    error BadRange();
    /// @notice A sum of fractions has at least one variable.
    error NoVariables();
    error InverseOfZero();
}
