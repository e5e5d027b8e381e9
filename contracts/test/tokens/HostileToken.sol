// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A revenue token that turns against its holders
/// @dev Each mode is the behaviour of a token that exists: no reply (USDT), false instead of a revert (ZRX), pause and
/// blocklist (USDC), a fee on transfer, a callback to the receiver or sender (ERC-777), gas griefing, a huge reply.
contract HostileToken {
    enum Mode {
        Honest,
        NoReply,
        RepliesFalse,
        Paused,
        Fee,
        BurnsGas,
        HugeReply,
        Reenters,
        HidesBalance,
        HugeBalance
    }

    Mode public mode;
    address public target;
    bytes public payload;
    bool public reentered;
    mapping(address account => uint256) private _balances;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setReentry(address target_, bytes calldata payload_) external {
        (mode, target, payload) = (Mode.Reenters, target_, payload_);
    }

    function mint(address to, uint256 amount) external {
        _balances[to] += amount;
    }

    function balanceOf(address account) external view returns (uint256) {
        if (mode == Mode.HidesBalance) revert("hidden");
        if (mode == Mode.HugeBalance) return type(uint256).max;
        if (mode == Mode.BurnsGas) _burnGas();
        return _balances[account];
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (mode == Mode.RepliesFalse) return false;
        if (mode == Mode.Paused) revert("paused");
        if (mode == Mode.BurnsGas) _burnGas();
        _balances[msg.sender] -= amount;
        _balances[to] += mode == Mode.Fee ? amount - amount / 10 : amount;
        if (mode == Mode.Reenters) {
            (reentered,) = target.call(payload);
        }
        if (mode == Mode.NoReply) {
            assembly {
                return(0, 0)
            }
        }
        if (mode == Mode.HugeReply) {
            assembly {
                mstore(0, 1)
                return(0, 60000)
            }
        }
        return true;
    }

    function _burnGas() private view {
        while (gasleft() > 0) {}
    }
}
