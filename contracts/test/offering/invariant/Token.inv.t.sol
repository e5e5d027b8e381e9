// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IOfferingFactory} from "../../../src/interfaces/IOfferingFactory.sol";
import {HostileToken} from "../../tokens/HostileToken.sol";
import {OfferingFixture} from "../OfferingFixture.sol";
import {TokenHandler} from "./TokenHandler.sol";

/// @title What holds of a token after any sequence of actions
contract TokenInvariants is OfferingFixture {
    TokenHandler private handler;
    HostileToken private moody;

    function setUp() public override {
        super.setUp();
        moody = new HostileToken();
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.token.revenueTokens = new address[](2);
        (terms.token.revenueTokens[0], terms.token.revenueTokens[1]) =
        (address(usd), address(moody));
        adopt(create(register(author, "invariant"), terms));
        address[] memory holders = new address[](5);
        for (uint256 i = 0; i < 4; ++i) {
            holders[i] = makeAddr(vm.toString(i));
        }
        holders[4] = poolManager;
        bid(holders[0], 0, 12 ether);
        bid(holders[1], 0, 8 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(holders[0]);
        sale.claim(holders[1]);
        handler = new TokenHandler(token, usd, moody, holders);
        targetContract(address(handler));
    }

    /// One campaign checks all; five would play the same actions five times.
    function invariant_token() public {
        checkSupplyIsTheSumOfBalances();
        checkEligibleIsTheSumOfEarningBalances();
        checkTokenIsSolvent();
        checkEthIsConserved();
        checkPromisesAreKept();
    }

    function checkSupplyIsTheSumOfBalances() private view {
        uint256 sum = token.balanceOf(address(vault)) + token.balanceOf(address(sale));
        for (uint256 i = 0; i < handler.holderCount(); ++i) {
            sum += token.balanceOf(handler.holderAt(i));
        }
        assertEq(token.totalSupply(), sum);
    }

    function checkEligibleIsTheSumOfEarningBalances() private view {
        uint256 epoch = token.currentEpoch();
        if (epoch == 0) return;
        uint256 sum = 0;
        for (uint256 i = 0; i < handler.holderCount(); ++i) {
            address holder = handler.holderAt(i);
            if (!token.isExcluded(holder)) sum += token.balanceAt(holder, epoch - 1);
        }
        assertEq(token.eligibleSupplyAt(epoch - 1), sum);
    }

    /// Every asset covers its open claims, what is owed and the redeem pool.
    function checkTokenIsSolvent() private {
        moody.setMode(HostileToken.Mode.Honest);
        address[] memory assets = token.assets();
        for (uint256 a = 0; a < assets.length; ++a) {
            (uint256 claimable, uint256 redeemable) = token.reservesOf(assets[a]);
            uint256 balance = assets[a] == address(0)
                ? address(token).balance
                : IERC20(assets[a]).balanceOf(address(token));
            assertGe(balance, claimable + redeemable);
            uint256 open = 0;
            for (uint256 i = 0; i < handler.holderCount(); ++i) {
                open += openClaims(handler.holderAt(i), assets[a]);
            }
            assertLe(open, claimable);
        }
    }

    function checkEthIsConserved() private view {
        assertEq(address(token).balance, handler.ethIn() - handler.ethOut());
    }

    /// No transfer, burn or later snapshot changes what a finished snapshot promised.
    function checkPromisesAreKept() private view {
        for (uint256 id = 1; id <= token.snapshotCount(); ++id) {
            for (uint256 i = 0; i < handler.holderCount(); ++i) {
                address holder = handler.holderAt(i);
                uint256 claimable = token.claimableRevenue(holder, id);
                uint256 promised = token.hasClaimed(holder, id) ? 0 : handler.promised(holder, id);
                assertEq(claimable, promised);
            }
        }
    }

    function openClaims(address holder, address asset) private view returns (uint256 open) {
        open = token.owedTo(holder, asset);
        for (uint256 id = 1; id <= token.snapshotCount(); ++id) {
            open += asset == address(0)
                ? token.claimableRevenue(holder, id)
                : token.claimableERC20(holder, id, asset);
        }
    }
}
