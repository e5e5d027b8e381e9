// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAIOracleCallback} from "../../src/interfaces/IAIOracle.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";

/// @title Callback receivers, kind and hostile
contract KeepingReceiver is IAIOracleCallback {
    address public caller;
    uint256 public requestId;
    bytes public output;
    bytes public callbackData;
    uint256 public gasGiven;
    uint256 public calls;

    function aiOracleCallback(uint256 requestId_, bytes calldata output_, bytes calldata data)
        external
    {
        gasGiven = gasleft();
        caller = msg.sender;
        requestId = requestId_;
        output = output_;
        callbackData = data;
        ++calls;
    }
}

/// @dev Refuses until it is told otherwise.
contract MoodyReceiver is IAIOracleCallback {
    bool public willing;
    uint256 public calls;

    error NotNow();

    function setWilling(bool willing_) external {
        willing = willing_;
    }

    function aiOracleCallback(uint256, bytes calldata, bytes calldata) external {
        if (!willing) revert NotNow();
        ++calls;
    }
}

/// @dev Burns every unit of gas that it is given.
contract BurningReceiver is IAIOracleCallback {
    function aiOracleCallback(uint256, bytes calldata, bytes calldata) external pure {
        assembly {
            invalid()
        }
    }
}

/// @dev Returns, or reverts with, as many bytes as its gas can pay for.
contract BombReceiver is IAIOracleCallback {
    bool public immutable REVERTING;

    constructor(bool reverting) {
        REVERTING = reverting;
    }

    function aiOracleCallback(uint256, bytes calldata, bytes calldata) external view {
        bool reverting = REVERTING;
        assembly {
            switch reverting
            case 0 { return(0, 1000000) }
            default { revert(0, 1000000) }
        }
    }
}

/// @dev Calls back into the oracle from its callback, whatever it was told to call.
contract ReentrantReceiver is IAIOracleCallback {
    IOracle private immutable _ORACLE;
    bytes[] private _calls;
    bool[] public successes;
    uint256 public callbacks;

    constructor(IOracle oracle) {
        _ORACLE = oracle;
    }

    receive() external payable {}

    function plan(bytes calldata data) external {
        _calls.push(data);
    }

    function aiOracleCallback(uint256, bytes calldata, bytes calldata) external {
        ++callbacks;
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success,) = address(_ORACLE).call(_calls[i]);
            successes.push(success);
        }
    }
}

/// @dev Takes no ETH.
contract Unpayable {}

/// @dev Fails like a contract whose inner call was starved, but says nothing about it: what it does
/// depends on the gas that it is given.
contract GasSensitiveReceiver is IAIOracleCallback {
    uint256 public immutable NEEDED;
    bool public served;

    constructor(uint256 needed) {
        NEEDED = needed;
    }

    function aiOracleCallback(uint256, bytes calldata, bytes calldata) external {
        require(gasleft() >= NEEDED, "too little gas");
        served = true;
    }
}
