// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {ISplitter} from "../../src/interfaces/ISplitter.sol";

/// @dev A payee that answers a payment by asking for the next one.
contract SplitAgain {
    ISplitter private _splitter;
    bool public tried;
    bool public succeeded;

    receive() external payable {
        tried = true;
        try _splitter.split(address(0)) {
            succeeded = true;
        } catch {}
    }

    function aim(ISplitter splitter) external {
        _splitter = splitter;
    }
}

/// @dev A token that refuses some receivers, as those with a block list do.
contract PickyToken is ERC20("Picky", "PICK") {
    mapping(address account => bool) public refused;

    error Refused(address account);

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function refuse(address account, bool yes) external {
        refused[account] = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (refused[to]) revert Refused(to);
        super._update(from, to, amount);
    }
}

/// @dev Bound as a model's token, it answers `assets()` with malice: 0 reverts, 1 burns all gas,
/// 2 returns a bomb, 3 returns an array that claims to be endless. Takes no ETH.
contract HostileModelToken {
    uint256 private immutable _MODE;

    constructor(uint256 mode) {
        _MODE = mode;
    }

    function assets() external view {
        uint256 mode = _MODE;
        assembly {
            if eq(mode, 0) { revert(0, 100000) }
            if eq(mode, 1) { invalid() }
            if eq(mode, 2) { return(0, 200000) }
            mstore(0, 0x20)
            mstore(0x20, not(0))
            return(0, 0x40)
        }
    }
}
