// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IRegistrationVerifier} from "../../src/interfaces/IRegistrationVerifier.sol";
import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {Fp3, fp3} from "../../src/zkml/Fp3.sol";

/// @dev What a cell adds to the true value.
function termIn(uint256 cell) pure returns (Fp3) {
    uint256 hash = uint256(keccak256(abi.encode(cell)));
    return fp3(hash >> 192, hash >> 128 & type(uint64).max, hash & type(uint64).max);
}

/// @dev Of the cells from `first` on, with `lie` added to the term of cell 77.
function sumOfTerms(uint256 first, uint256 count, uint256 lie) pure returns (Fp3 sum) {
    for (uint256 cell = first; cell < first + count; ++cell) {
        sum = sum + termIn(cell);
        if (cell == 77) sum = sum + fp3(lie, 0, 0);
    }
}

function wordOf(Fp3 a) pure returns (bytes24) {
    return bytes24(uint192(Fp3.unwrap(a)));
}

/// @dev Of `count` runs of `size` cells.
function sumsOfTerms(uint256 first, uint256 count, uint256 size, uint256 lie)
    pure
    returns (bytes24[] memory sums)
{
    sums = new bytes24[](count);
    for (uint256 i; i < count; ++i) {
        sums[i] = wordOf(sumOfTerms(first + i * size, size, lie));
    }
}

bytes constant RIGHT_SHAPE = "a right shape";

/// @dev A model of 2^7 cells whose terms are hashes, and whose part 1 of any kind is wrong, but for one shape.
contract ToyReferee is IRegistrationVerifier {
    uint256 public constant VARIABLES = 7;

    function keyIdOf(IModelVerifier.VerifyingKey calldata key) external pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    function checkKey(IModelVerifier.VerifyingKey calldata key, IStepVerifier.ModelOpening calldata)
        external
        pure
        returns (uint256)
    {
        if (key.shape.length == 0) revert WrongProgram();
        return VARIABLES;
    }

    function isRight(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata,
        Part,
        uint256 index,
        uint256,
        bytes calldata
    ) external pure returns (bool) {
        return index != 1 || keccak256(key.shape) == keccak256(RIGHT_SHAPE);
    }

    function termOf(
        IModelVerifier.VerifyingKey calldata,
        IStepVerifier.ModelOpening calldata,
        uint256 cell,
        bytes calldata
    ) external pure returns (bytes24) {
        return wordOf(termIn(cell));
    }
}

/// @dev Accepts a proof of one byte.
contract ToyVerifier is IModelVerifier {
    error Refused();

    function verify(
        VerifyingKey calldata,
        bytes32,
        bytes calldata,
        bytes calldata,
        bytes calldata proof
    ) external pure {
        if (proof.length != 1) revert Refused();
    }
}
