// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {StdCheats} from "forge-std/StdCheats.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {IModelToken} from "../../../src/interfaces/IModelToken.sol";
import {HostileToken} from "../../tokens/HostileToken.sol";
import {TestToken} from "../../tokens/TestToken.sol";

/// @title Random valid actions on a token that is sold and earns ETH, an honest and a moody token
contract TokenHandler is CommonBase, StdCheats, StdUtils {
    IModelToken private immutable TOKEN;
    TestToken private immutable USD;
    HostileToken private immutable MOODY;
    address[] public holders;

    uint256 public ethIn;
    uint256 public ethOut;
    /// @dev Claimable amounts that were seen for finished snapshots; they may only ever go to zero, by a claim.
    mapping(address holder => mapping(uint256 snapshotId => uint256)) public promised;

    constructor(
        IModelToken token_,
        TestToken usd_,
        HostileToken moody_,
        address[] memory holders_
    ) {
        TOKEN = token_;
        USD = usd_;
        MOODY = moody_;
        holders = holders_;
    }

    function transfer(uint256 from, uint256 to, uint256 amount) external {
        amount = bound(amount, 0, TOKEN.balanceOf(holderAt(from)));
        vm.prank(holderAt(from));
        assert(TOKEN.transfer(holderAt(to), amount));
    }

    function earn(uint256 eth, uint256 dollars, uint256 moody) external {
        eth = bound(eth, 0, 10 ether);
        deal(address(this), eth);
        (bool success,) = address(TOKEN).call{value: eth}("");
        assert(success);
        ethIn += eth;
        USD.mint(address(TOKEN), bound(dollars, 0, 1e12));
        MOODY.mint(address(TOKEN), bound(moody, 0, 1e12));
    }

    function changeMood(uint256 mood) external {
        HostileToken.Mode[4] memory moods = [
            HostileToken.Mode.Honest,
            HostileToken.Mode.Paused,
            HostileToken.Mode.RepliesFalse,
            HostileToken.Mode.HidesBalance
        ];
        MOODY.setMode(moods[mood % 4]);
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 0, 2 days));
    }

    function snapshot() external {
        if (TOKEN.nextSnapshotAt() > block.timestamp) return;
        uint256 id = TOKEN.snapshot();
        for (uint256 i = 0; i < holders.length; ++i) {
            promised[holders[i]][id] = TOKEN.claimableRevenue(holders[i], id);
        }
    }

    function claim(uint256 holder, uint256 id) external {
        if (TOKEN.snapshotCount() == 0) return;
        id = bound(id, 1, TOKEN.snapshotCount());
        address account = holderAt(holder);
        if (TOKEN.hasClaimed(account, id)) return;
        uint256 before = account.balance;
        TOKEN.claimFor(account, id);
        ethOut += account.balance - before;
    }

    function claimAll(uint256 holder) external {
        uint256[] memory ids = new uint256[](TOKEN.snapshotCount());
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = i + 1;
        }
        address account = holderAt(holder);
        uint256 before = account.balance;
        TOKEN.claimMany(account, ids);
        ethOut += account.balance - before;
    }

    function burn(uint256 holder, uint256 amount) external {
        address account = holderAt(holder);
        amount = bound(amount, 0, TOKEN.balanceOf(account) / 4);
        uint256 before = account.balance;
        vm.prank(account);
        TOKEN.burn(amount);
        ethOut += account.balance - before;
    }

    function withdrawOwed(uint256 holder) external {
        address account = holderAt(holder);
        if (TOKEN.owedTo(account, address(MOODY)) == 0) return;
        HostileToken.Mode mood = MOODY.mode();
        MOODY.setMode(HostileToken.Mode.Honest);
        TOKEN.withdrawOwed(account, address(MOODY), account);
        MOODY.setMode(mood);
    }

    function holderAt(uint256 index) public view returns (address) {
        return holders[index % holders.length];
    }

    function holderCount() external view returns (uint256) {
        return holders.length;
    }
}
