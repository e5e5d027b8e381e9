// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title A holder that refuses ETH but can ask for it elsewhere
contract NoReceiver {
    function withdraw(IModelToken token, address to) external {
        token.withdrawOwed(address(this), address(0), to);
    }
}

/// @title A holder whose receive function asks for much gas and gives up early without it
contract ThirstyHolder {
    error Thirsty(uint256 gas);

    receive() external payable {
        if (gasleft() < 150_000) revert Thirsty(gasleft());
    }
}

/// @title A holder that calls back while it is paid
contract RevenueReenterer {
    IModelToken private immutable TOKEN;
    bytes private _call;
    uint256 public attempts;
    uint256 public successes;

    constructor(IModelToken token_) {
        TOKEN = token_;
    }

    receive() external payable {
        ++attempts;
        (bool success,) = address(TOKEN).call(_call);
        if (success) ++successes;
    }

    function setCall(bytes calldata call_) external {
        _call = call_;
    }

    function burn(uint256 amount) external {
        TOKEN.burn(amount);
    }
}

/// @dev Alice holds 120,000 and bob 80,000 of the 200,000 tokens that earn; 80% of revenue is claimed.
contract RevenueTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private carol = makeAddr("carol");

    function setUp() public override {
        super.setUp();
        sellHalf(alice, bob);
    }

    // snapshot

    function test_snapshot_booksBothParts() public {
        revenue(10 ether, 5e6);
        uint256 epoch = token.currentEpoch();
        nextEpoch();
        vm.expectEmit();
        emit IModelToken.SnapshotTaken(1, epoch, 200_000e18);
        vm.expectEmit();
        emit IModelToken.RevenueBooked(1, address(0), 8 ether, 2 ether);
        vm.expectEmit();
        emit IModelToken.RevenueBooked(1, address(usd), 4e6, 1e6);
        assertEq(token.snapshot(), 1);

        assertEq(token.snapshotCount(), 1);
        IModelToken.Snapshot memory record = token.snapshotOf(1);
        assertEq(record.epoch, epoch);
        assertEq(record.eligible, 200_000e18);
        assertEq(record.assets, 3);
        assertEq(token.bookedAt(1, address(0)), 8 ether);
        assertEq(token.bookedAt(1, address(usd)), 4e6);
        (uint256 claimable, uint256 redeemable) = token.reservesOf(address(0));
        assertEq(claimable, 8 ether);
        assertEq(redeemable, 2 ether);
        assertEq(token.unbookedRevenue(address(0)), 0);
        assertEq(token.claimableRevenue(alice, 1), 4.8 ether);
        assertEq(token.claimableERC20(bob, 1, address(usd)), 1.6e6);
    }

    function test_snapshot_twiceAnEpoch_reverts() public {
        nextEpoch();
        token.snapshot();
        uint256 current = token.currentEpoch();
        uint256 next = token.epochStart(current + 1);
        assertEq(token.nextSnapshotAt(), next);
        vm.expectRevert(
            abi.encodeWithSelector(IModelToken.SnapshotTooEarly.selector, current, next)
        );
        token.snapshot();
        vm.warp(next - 1);
        vm.expectPartialRevert(IModelToken.SnapshotTooEarly.selector);
        token.snapshot();
        vm.warp(next);
        assertEq(token.nextSnapshotAt(), next);
        assertEq(token.snapshot(), 2);
    }

    function test_snapshot_inEpochZero_reverts() public {
        vm.warp(START + 30 days);
        IModelToken young = IModelToken(newOffering("young").token);
        assertEq(young.nextSnapshotAt(), young.epochStart(1));
        vm.expectPartialRevert(IModelToken.SnapshotTooEarly.selector);
        young.snapshot();
    }

    /// Rewards lost at zero supply: they wait for the first holder instead.
    function test_snapshot_nobodyEligible_carriesOver() public {
        vm.warp(START + 30 days);
        adopt(newOffering("young"));
        revenue(10 ether, 0);
        nextEpoch();
        vm.expectRevert(abi.encodeWithSelector(IModelToken.NothingEligible.selector, 0));
        token.snapshot();
        assertEq(token.nextSnapshotAt(), token.epochStart(2));
        vm.warp(sale.parameters().start);
        bid(carol, 0, 20 ether);
        vm.warp(sale.endTime());
        sale.settle();
        sale.claim(carol);
        nextEpoch();
        token.snapshot();
        assertEq(token.claimableRevenue(carol, 1), 8 ether);
    }

    /// Who gains: the first buyer to claim, who would take the revenue of all others.
    function test_snapshot_undeliveredTokens_keepTheirShare() public {
        vm.warp(START + 30 days);
        adopt(newOffering("young"));
        vm.warp(sale.parameters().start);
        bid(alice, 0, 5 ether);
        bid(bob, 0, 15 ether);
        vm.warp(sale.endTime());
        sale.settle();
        revenue(10 ether, 0);
        sale.claim(alice);
        nextEpoch();
        token.snapshot();
        assertEq(token.claimableRevenue(alice, 1), 2 ether);
        assertEq(token.unbookedRevenue(address(0)), 7.5 ether);
        sale.claim(bob);
        nextEpoch();
        token.snapshot();
        assertEq(token.claimableRevenue(bob, 2), 4.5 ether);
        assertEq(token.claimableRevenue(alice, 2), 1.5 ether);
    }

    function test_snapshot_withoutRevenue_isEmpty() public {
        nextEpoch();
        token.snapshot();
        assertEq(token.snapshotOf(1).assets, 0);
        assertEq(token.claimableRevenue(alice, 1), 0);
        token.claimFor(alice, 1);
    }

    /// ERC-7641's own implementation pays whoever holds tokens in the block of the snapshot.
    function test_snapshot_flashLoan_getsNothing() public {
        revenue(10 ether, 0);
        nextEpoch();
        // Borrow, snapshot, claim, return: all in the first second of the new epoch.
        send(alice, carol, 120_000e18);
        vm.startPrank(carol);
        token.snapshot();
        token.claim(1);
        assertTrue(token.transfer(alice, 120_000e18));
        vm.stopPrank();
        assertEq(carol.balance, 0);
        assertEq(token.claimableRevenue(alice, 1), 4.8 ether);
    }

    /// The record is the balance at the end of the epoch: what is bought later comes too late.
    function test_snapshot_recordDate_isTheEpochsEnd() public {
        revenue(10 ether, 0);
        vm.warp(token.epochStart(token.currentEpoch() + 1) - 1);
        send(bob, carol, 80_000e18);
        nextEpoch();
        send(alice, carol, 120_000e18);
        vm.warp(block.timestamp + EPOCH / 2);
        token.snapshot();
        assertEq(token.claimableRevenue(carol, 1), 3.2 ether);
        assertEq(token.claimableRevenue(alice, 1), 4.8 ether);
        assertEq(token.claimableRevenue(bob, 1), 0);
    }

    function test_receive_takesPlainTransfers() public {
        deal(alice, 1 ether);
        vm.prank(alice);
        (bool success,) = address(token).call{value: 1 ether, gas: 10_000}("");
        assertTrue(success);
        assertEq(token.unbookedRevenue(address(0)), 1 ether);
    }

    // claim

    function test_claim_paysAllAssetsOnce() public {
        book(10 ether, 5e6);
        vm.expectEmit();
        emit IModelToken.RevenueClaimed(alice, 1, address(0), 4.8 ether);
        vm.expectEmit();
        emit IModelToken.RevenueClaimed(alice, 1, address(usd), 2.4e6);
        vm.prank(alice);
        token.claim(1);
        assertEq(alice.balance, 4.8 ether);
        assertEq(usd.balanceOf(alice), 2.4e6);
        assertTrue(token.hasClaimed(alice, 1));
        assertEq(token.claimableRevenue(alice, 1), 0);
        assertEq(token.claimableERC20(alice, 1, address(usd)), 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.AlreadyClaimed.selector, alice, 1));
        token.claim(1);
    }

    function test_claimFor_paysTheAccountAlone() public {
        book(10 ether, 0);
        vm.prank(carol);
        token.claimFor(alice, 1);
        assertEq(alice.balance, 4.8 ether);
        assertEq(carol.balance, 0);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.AlreadyClaimed.selector, alice, 1));
        token.claimFor(alice, 1);
    }

    function test_claimMany_passesOverTheClaimed() public {
        book(10 ether, 5e6);
        book(5 ether, 0);
        book(0, 10e6);
        vm.prank(alice);
        token.claim(2);
        uint256[] memory ids = new uint256[](4);
        (ids[0], ids[1], ids[2], ids[3]) = (3, 2, 1, 1);
        token.claimMany(alice, ids);
        assertEq(alice.balance, 7.2 ether);
        assertEq(usd.balanceOf(alice), 7.2e6);
    }

    function test_claim_unknownSnapshot_reverts() public {
        book(10 ether, 0);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.UnknownSnapshot.selector, 0));
        token.claimFor(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.UnknownSnapshot.selector, 2));
        token.claimFor(alice, 2);
        assertEq(token.claimableRevenue(alice, 0), 0);
        assertEq(token.claimableRevenue(alice, 2), 0);
    }

    function test_claim_neverExpires() public {
        book(10 ether, 0);
        for (uint256 i = 0; i < 300; ++i) {
            book(1 ether, 0);
        }
        vm.warp(block.timestamp + 3_650 days);
        vm.prank(alice);
        token.claim(1);
        assertEq(alice.balance, 4.8 ether);
        // The 257th claim lies in the next word of claimed bits.
        vm.prank(alice);
        token.claim(257);
        assertEq(alice.balance, 4.8 ether + 0.48 ether);
        assertFalse(token.hasClaimed(alice, 256));
    }

    function test_claim_ofAnEmptyHolder_isZeroAndOnce() public {
        book(10 ether, 0);
        token.claimFor(carol, 1);
        assertEq(carol.balance, 0);
        assertTrue(token.hasClaimed(carol, 1));
    }

    function test_claim_excludedHolder_getsNothing() public {
        send(alice, poolManager, 60_000e18);
        book(14 ether, 0);
        token.claimFor(poolManager, 1);
        token.claimFor(address(vault), 1);
        assertEq(poolManager.balance + address(vault).balance, 0);
        // 60,000 and 80,000 tokens share 11.2 ETH.
        assertEq(token.claimableRevenue(alice, 1), 4.8 ether);
        assertEq(token.claimableRevenue(bob, 1), 6.4 ether);
    }

    function test_claim_afterSellingAll_stillPays() public {
        revenue(10 ether, 0);
        nextEpoch();
        token.snapshot();
        send(alice, carol, 120_000e18);
        nextEpoch();
        vm.prank(alice);
        token.claim(1);
        assertEq(alice.balance, 4.8 ether);
    }

    function test_claim_reentered_paysOnce() public {
        RevenueReenterer holder = new RevenueReenterer(token);
        send(alice, address(holder), 60_000e18);
        book(10 ether, 0);
        holder.setCall(abi.encodeCall(IModelToken.claimFor, (address(holder), 1)));
        token.claimFor(address(holder), 1);
        assertEq(holder.attempts(), 1);
        assertEq(holder.successes(), 0);
        assertEq(address(holder).balance, 2.4 ether);
    }

    /// Who gains: everybody who holds, if money just leaving counted as new revenue.
    function test_snapshot_reenteredDuringAPayment_reverts() public {
        RevenueReenterer holder = new RevenueReenterer(token);
        send(alice, address(holder), 60_000e18);
        book(10 ether, 0);
        nextEpoch();
        holder.setCall(abi.encodeWithSignature("snapshot()"));
        token.claimFor(address(holder), 1);
        assertEq(holder.attempts(), 1);
        assertEq(holder.successes(), 0);
    }

    function test_claim_refusedEth_isOwedAndRedirected() public {
        NoReceiver holder = new NoReceiver();
        send(alice, address(holder), 60_000e18);
        book(10 ether, 5e6);
        vm.expectEmit();
        emit IModelToken.PaymentOwed(address(holder), address(0), 2.4 ether);
        token.claimFor(address(holder), 1);
        assertEq(usd.balanceOf(address(holder)), 1.2e6);
        assertEq(token.owedTo(address(holder), address(0)), 2.4 ether);
        assertEq(token.unbookedRevenue(address(0)), 0);

        vm.expectRevert(
            abi.encodeWithSelector(
                IModelToken.OnlyToAccount.selector, address(holder), address(this)
            )
        );
        token.withdrawOwed(address(holder), address(0), address(this));
        vm.expectPartialRevert(IModelToken.PaymentFailed.selector);
        token.withdrawOwed(address(holder), address(0), address(holder));
        holder.withdraw(token, carol);
        assertEq(carol.balance, 2.4 ether);
        vm.expectPartialRevert(IModelToken.NothingOwed.selector);
        holder.withdraw(token, carol);
    }

    /// Who gains: a spiteful caller, by making a good receiver's payment fail.
    function test_claim_withTooLittleGas_revertsInsteadOfOwing() public {
        address holder = address(new ThirstyHolder());
        send(alice, holder, 60_000e18);
        book(10 ether, 0);
        uint256 successes = 0;
        for (uint256 gas = 30_000; gas < 400_000; gas += 5_000) {
            uint256 state = vm.snapshotState();
            (bool success,) =
                address(token).call{gas: gas}(abi.encodeCall(IModelToken.claimFor, (holder, 1)));
            assertEq(token.owedTo(holder, address(0)), 0);
            assertEq(holder.balance, success ? 2.4 ether : 0);
            if (success) ++successes;
            vm.revertToState(state);
        }
        assertGt(successes, 0);
    }

    function test_withdrawOwed_unknownAsset_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IModelToken.UnknownAsset.selector, carol));
        token.withdrawOwed(alice, carol, alice);
        vm.expectRevert(IModelToken.ZeroReceiver.selector);
        token.withdrawOwed(alice, address(0), address(0));
    }

    // burn

    function test_burn_paysTheShareOfThePool() public {
        book(10 ether, 5e6);
        // 800,000 tokens exist; the pool holds 2 ETH and 1 USD.
        assertEq(token.redeemableOnBurn(80_000e18), 0.2 ether);
        assertEq(token.redeemableERC20OnBurn(80_000e18, address(usd)), 0.1e6);
        vm.expectEmit();
        emit IModelToken.Burned(bob, 80_000e18, bob);
        vm.prank(bob);
        token.burn(80_000e18);
        assertEq(bob.balance, 0.2 ether);
        assertEq(usd.balanceOf(bob), 0.1e6);
        assertEq(token.totalSupply(), 720_000e18);
        // Burned tokens keep the claims of their past.
        vm.prank(bob);
        token.claim(1);
        assertEq(bob.balance, 0.2 ether + 3.2 ether);
    }

    function test_burnTo_honoursTheMinimum() public {
        book(10 ether, 5e6);
        uint256[] memory least = new uint256[](2);
        (least[0], least[1]) = (0.2 ether, 0.1e6 + 1);
        vm.startPrank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelToken.RedeemedTooLittle.selector, address(usd), 0.1e6, 0.1e6 + 1
            )
        );
        token.burnTo(80_000e18, carol, least);
        least[1] = 0.1e6;
        token.burnTo(80_000e18, carol, least);
        assertEq(carol.balance, 0.2 ether);
        assertEq(usd.balanceOf(carol), 0.1e6);
        vm.expectRevert(IModelToken.ZeroReceiver.selector);
        token.burnTo(0, address(0), least);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.TooManyMinimums.selector, 3, 2));
        token.burnTo(0, carol, new uint256[](3));
        vm.stopPrank();
    }

    /// Redeeming takes nothing from what others can still claim.
    function test_burn_leavesTheClaimsAlone() public {
        book(10 ether, 5e6);
        vm.prank(bob);
        token.burn(80_000e18);
        (uint256 claimable, uint256 redeemable) = token.reservesOf(address(0));
        assertEq(claimable, 8 ether);
        assertEq(redeemable, 1.8 ether);
        token.claimFor(alice, 1);
        token.claimFor(bob, 1);
        (claimable, redeemable) = token.reservesOf(address(0));
        assertEq(claimable, 0);
        assertEq(address(token).balance, redeemable);
    }

    function test_burn_more_reverts() public {
        vm.prank(carol);
        vm.expectRevert();
        token.burn(1);
    }

    function test_burn_excludedHolder_redeemsNothing() public {
        send(alice, poolManager, 60_000e18);
        book(10 ether, 0);
        vm.prank(poolManager);
        token.burn(60_000e18);
        assertEq(poolManager.balance, 0);
        (, uint256 redeemable) = token.reservesOf(address(0));
        assertEq(redeemable, 2 ether);
    }

    function test_burn_refusedEth_isOwed() public {
        book(10 ether, 0);
        NoReceiver holder = new NoReceiver();
        vm.prank(bob);
        token.burnTo(80_000e18, address(holder), new uint256[](0));
        assertEq(token.owedTo(address(holder), address(0)), 0.2 ether);
        holder.withdraw(token, carol);
        assertEq(carol.balance, 0.2 ether);
    }

    function test_burn_reentered_redeemsOnce() public {
        RevenueReenterer holder = new RevenueReenterer(token);
        send(bob, address(holder), 80_000e18);
        book(10 ether, 0);
        holder.setCall(abi.encodeWithSignature("burn(uint256)", 40_000e18));
        holder.burn(40_000e18);
        assertEq(holder.successes(), 0);
        assertEq(address(holder).balance, 0.1 ether);
    }

    function test_redeemable_moreThanTheSupply_isThePool() public {
        book(10 ether, 0);
        assertEq(token.redeemableOnBurn(type(uint256).max), 2 ether);
        assertEq(token.redeemableERC20OnBurn(1, carol), 0);
        assertEq(token.claimableERC20(alice, 1, carol), 0);
    }

    function test_views_unknownAsset_revert() public {
        book(10 ether, 0);
        bytes memory unknown = abi.encodeWithSelector(IModelToken.UnknownAsset.selector, carol);
        vm.expectRevert(unknown);
        token.bookedAt(1, carol);
        vm.expectRevert(unknown);
        token.unbookedRevenue(carol);
        vm.expectRevert(unknown);
        token.reservesOf(carol);
        vm.expectRevert(unknown);
        token.owedTo(alice, carol);
        vm.expectRevert(abi.encodeWithSelector(IModelToken.UnknownSnapshot.selector, 2));
        token.snapshotOf(2);
    }

    // rounding

    function test_rounding_dustStaysWithTheToken() public {
        send(alice, carol, 1);
        book(7, 0);
        // 5 wei are claimable: 3 - less than a wei for carol's token - and 2.
        assertEq(token.bookedAt(1, address(0)), 5);
        assertEq(token.claimableRevenue(alice, 1), 2);
        assertEq(token.claimableRevenue(bob, 1), 2);
        assertEq(token.claimableRevenue(carol, 1), 0);
    }

    /// @dev Whatever the amounts: nobody gets more than the share, all together get all but a wei each.
    function testFuzz_claims_sumUp(uint256 amount, uint256 a, uint256 b) public {
        amount = bound(amount, 0, 1e27);
        a = bound(a, 0, 120_000e18);
        b = bound(b, 0, 80_000e18);
        send(alice, carol, a);
        vm.prank(bob);
        token.burn(b);
        book(amount, 0);
        uint256 booked = token.bookedAt(1, address(0));
        assertEq(booked, amount * 8_000 / 10_000);
        token.claimFor(alice, 1);
        token.claimFor(carol, 1);
        if (b == 80_000e18 && a == 120_000e18) return;
        token.claimFor(bob, 1);
        uint256 paid = alice.balance + bob.balance + carol.balance;
        assertLe(paid, booked);
        assertLe(booked - paid, 2);
        assertEq(address(token).balance, amount - paid);
        assertEq(carol.balance, booked * a / (200_000e18 - b));
    }

    function revenue(uint256 eth, uint256 dollars) private {
        deal(address(token), address(token).balance + eth);
        usd.mint(address(token), dollars);
    }

    function book(uint256 eth, uint256 dollars) private {
        revenue(eth, dollars);
        nextEpoch();
        token.snapshot();
    }

    function newOffering(bytes32 salt) private returns (IOfferingFactory.Offering memory) {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = uint64(block.timestamp + 3 days);
        return create(register(author, salt), terms);
    }
}
