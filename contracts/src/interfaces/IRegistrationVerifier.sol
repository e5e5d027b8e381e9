// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "./IModelVerifier.sol";
import {IStepVerifier} from "./IStepVerifier.sol";

/// @title The referee of registrations: what of a key follows from its model
/// @notice Stateless. A key says three things of the program with its model root: that it has a shape, that its numbers
/// leave no equation of the circuit room to wrap, and what the vector of its weights is at one point. Each is broken
/// down to what one transaction can decide. docs/proof.md, "Registration", is normative.
interface IRegistrationVerifier {
    /// @notice A part of a program that a shape determines, or bounds.
    enum Part {
        Operator,
        Tensor,
        Row,
        Table
    }

    /// @dev The program's numbers are not those of the key's shape.
    error WrongProgram();
    error PartOutOfRange(uint256 index, uint256 count);
    /// @dev A tensor that is none of the shape's; isRight says so of it, or of operator 0.
    error WrongTensor(uint256 tensor);
    error CellOutOfRange(uint256 cell, uint256 count);

    /// @notice What a key is named by: keccak256 of model root, weights root, value and hash of the shape, packed.
    function keyIdOf(IModelVerifier.VerifyingKey calldata key) external pure returns (bytes32);

    /// @notice Reverts for a key that no program can have, or not the one that `model` opens.
    /// @return variables The vector of the weights has 2^variables elements.
    function checkKey(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model
    ) external pure returns (uint256 variables);

    /// @notice Whether a part of the program is what the key's shape makes of it.
    /// @param index Of the operator, tensor or table.
    /// @param row Of the tensor; for Part.Row alone.
    /// @param witness Of docs/dispute.md: section O of an operator, section W of a row, the first parts of W and T of a tensor
    /// and a table.
    function isRight(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        Part part,
        uint256 index,
        uint256 row,
        bytes calldata witness
    ) external pure returns (bool);

    /// @notice What cell `cell` adds to the value of the weights: its element of F_p times the point to the power of `cell`.
    /// @param witness See RegisteredCells.
    /// @return term An element of F.
    function termOf(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        uint256 cell,
        bytes calldata witness
    ) external pure returns (bytes24 term);
}
