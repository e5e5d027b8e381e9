// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IERC7641} from "./interfaces/IERC7641.sol";
import {IUniformSale} from "./interfaces/IUniformSale.sol";
import {BidBook} from "./libraries/BidBook.sol";
import {Clearing} from "./libraries/Clearing.sol";
import {CloneArgs} from "./libraries/CloneArgs.sol";

/// @title Sale of a fixed supply at one uniform clearing price
/// @notice Rules and meanings are in IUniformSale.
/// @dev Clone arguments: the words of `Parameters`, in order. ETH is paid out by force (a receiver that refuses gets it
/// all the same), so no owner can make a payment fail. ETH forced in from outside belongs to nobody and stays.
contract UniformSale is IUniformSale, ReentrancyGuardTransient {
    using BidBook for BidBook.Book;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev A large late bid leaves the others this long to answer ...
    uint256 public constant SOFT_CLOSE = 10 minutes;
    /// @dev ... but all extensions together do not exceed this.
    uint256 public constant MAX_EXTENSION = 1 hours;
    /// @dev A bid is large when it is at least the hundredth part of the minimum raise.
    uint256 public constant SOFT_CLOSE_DIVISOR = 100;
    /// @dev Who waits longer than this for a settlement may take everything back.
    uint256 public constant SETTLEMENT_PERIOD = 7 days;

    /// @param used Bit b is set when a bid was ever made at ticks 8b to 8b + 7.
    /// @param extension Seconds added to the scheduled end.
    /// @param result Pending until settled, then Succeeded or Failed.
    /// @param marginalTick Of the final clearing.
    struct State {
        uint128 used;
        uint32 extension;
        Status result;
        uint16 marginalTick;
    }

    /// @dev The final clearing, as in Outcome.
    struct Final {
        uint128 price;
        uint128 marginalFill;
        uint128 proceeds;
        uint128 sold;
    }

    State private _state;
    Final private _final;
    Clearing.Ladder private _ladder;
    mapping(address owner => BidBook.Book) private _books;

    /// @inheritdoc IUniformSale
    function bid(uint256 tick) external payable {
        Parameters memory terms = parameters();
        State memory state = _state;
        _checkStatus(Status.Open, _statusOf(state, terms));
        _checkTick(tick, terms);
        if (msg.value < terms.minBid) revert BidTooSmall(msg.value, terms.minBid);

        uint256 total = _record(tick, terms.buyerCap);
        _ladder.demand[tick] += msg.value.toUint128();
        _updateState(state, tick, terms);
        emit BidPlaced(msg.sender, tick, msg.value, total);
    }

    /// @inheritdoc IUniformSale
    function cancel(uint256 tick) external nonReentrant returns (uint256 refund) {
        Parameters memory terms = parameters();
        _checkStatus(Status.Open, _statusOf(_state, terms));
        if (block.timestamp >= terms.cancelUntil) revert Frozen(terms.cancelUntil);
        BidBook.Book storage book = _books[msg.sender];
        uint256 index;
        (index, refund,) = book.find(tick);
        if (refund == 0) revert NoBid(msg.sender, tick);
        book.remove(index);
        _ladder.demand[tick] -= refund.toUint128();
        emit BidCancelled(msg.sender, tick, refund);
        SafeTransferLib.forceSafeTransferETH(msg.sender, refund);
    }

    /// @inheritdoc IUniformSale
    function settle() external nonReentrant {
        Parameters memory terms = parameters();
        State memory state = _state;
        Status now_ = _statusOf(state, terms);
        bool waits = now_ == Status.Ended || now_ == Status.Failed;
        if (state.result != Status.Pending || !waits) revert WrongStatus(now_);

        Outcome memory outcome;
        if (now_ == Status.Ended) outcome = Clearing.clear(_ladder, state.used, terms);
        bool succeeded = now_ == Status.Ended && outcome.proceeds >= terms.minRaise;
        if (!succeeded) delete outcome;
        _state.result = succeeded ? Status.Succeeded : Status.Failed;
        _state.marginalTick = outcome.marginalTick.toUint16();
        _final = Final({
            price: outcome.price.toUint128(),
            marginalFill: outcome.marginalFill.toUint128(),
            proceeds: outcome.proceeds.toUint128(),
            sold: outcome.sold.toUint128()
        });

        uint256 unsold = terms.supply - outcome.sold;
        emit SaleSettled(succeeded, outcome.price, outcome.sold, outcome.proceeds, unsold);
        if (unsold != 0) IERC7641(terms.token).burn(unsold);
        if (succeeded) {
            SafeTransferLib.forceSafeTransferETH(terms.treasury, outcome.proceeds);
        }
    }

    /// @inheritdoc IUniformSale
    function claim(address owner) external nonReentrant returns (uint256 tokens, uint256 refund) {
        _checkFinal();
        return _claim(owner);
    }

    /// @inheritdoc IUniformSale
    function claimMany(address[] calldata owners) external nonReentrant {
        _checkFinal();
        for (uint256 i = 0; i < owners.length; ++i) {
            _claim(owners[i]);
        }
    }

    /// @inheritdoc IUniformSale
    function parameters() public view returns (Parameters memory terms) {
        CloneArgs.load(_pointer(terms), 12);
    }

    /// @inheritdoc IUniformSale
    function status() public view returns (Status) {
        return _statusOf(_state, parameters());
    }

    /// @inheritdoc IUniformSale
    function endTime() external view returns (uint256) {
        return _endOf(_state, parameters());
    }

    /// @inheritdoc IUniformSale
    function priceAt(uint256 tick) external view returns (uint256) {
        Parameters memory terms = parameters();
        _checkTick(tick, terms);
        return terms.floorPrice + tick * terms.priceStep;
    }

    /// @inheritdoc IUniformSale
    function demandAt(uint256 tick) external view returns (uint256) {
        _checkTick(tick, parameters());
        return _ladder.demand[tick];
    }

    /// @inheritdoc IUniformSale
    function ladder() external view returns (uint256[] memory demands) {
        demands = new uint256[](parameters().tickCount);
        for (uint256 tick = 0; tick < demands.length; ++tick) {
            demands[tick] = _ladder.demand[tick];
        }
    }

    /// @inheritdoc IUniformSale
    function quote() public view returns (Outcome memory outcome) {
        Parameters memory terms = parameters();
        State memory state = _state;
        Status now_ = _statusOf(state, terms);
        if (now_ == Status.Failed) return outcome;
        if (now_ != Status.Succeeded) return Clearing.clear(_ladder, state.used, terms);
        uint256 tick = state.marginalTick;
        return Outcome({
            price: _final.price,
            marginalTick: tick,
            marginalFill: _final.marginalFill,
            marginalDemand: _ladder.demand[tick],
            proceeds: _final.proceeds,
            sold: _final.sold
        });
    }

    /// @inheritdoc IUniformSale
    function clearingPrice() external view returns (uint256) {
        return _final.price;
    }

    /// @inheritdoc IUniformSale
    function tokensSold() external view returns (uint256) {
        return _final.sold;
    }

    /// @inheritdoc IUniformSale
    function bidsOf(address owner) external view returns (Bid[] memory) {
        return _books[owner].list();
    }

    /// @inheritdoc IUniformSale
    function allocationOf(address owner)
        public
        view
        returns (uint256 tokens, uint256 paid, uint256 refund)
    {
        Outcome memory outcome = quote();
        BidBook.Book storage book = _books[owner];
        uint256 count = book.count();
        for (uint256 i = 0; i < count; ++i) {
            (uint256 tick, uint256 amount) = book.at(i);
            refund += amount;
            if (outcome.price == 0 || tick < outcome.marginalTick) continue;
            uint256 spentDown = amount;
            uint256 spentUp = amount;
            if (tick == outcome.marginalTick) {
                uint256 demand = outcome.marginalDemand;
                spentDown = amount * outcome.marginalFill / demand;
                spentUp = (amount * outcome.marginalFill + demand - 1) / demand;
            }
            tokens += Clearing.tokensDown(spentDown, outcome.price);
            paid += spentUp;
        }
        refund -= paid;
    }

    /// @inheritdoc IUniformSale
    function hasClaimed(address owner) external view returns (bool) {
        return _books[owner].isClaimed();
    }

    /// @dev Adds msg.value to the caller's bid at `tick`; the new total there.
    function _record(uint256 tick, uint256 cap) private returns (uint256 total) {
        BidBook.Book storage book = _books[msg.sender];
        (uint256 index, uint256 before, uint256 sum) = book.find(tick);
        if (index == BidBook.MAX_BIDS) revert TooManyBids(msg.sender, BidBook.MAX_BIDS);
        if (cap != 0 && sum + msg.value > cap) revert OverBuyerCap(sum + msg.value, cap);
        total = before + msg.value;
        if (total > BidBook.MAX_AMOUNT) revert BidTooLarge(total, BidBook.MAX_AMOUNT);
        book.set(index, tick, total, before == 0);
    }

    /// @dev Marks the block of the tick as used and keeps the end away from a large late bid.
    function _updateState(State memory state, uint256 tick, Parameters memory terms) private {
        uint256 used = state.used | 1 << tick / Clearing.TICKS_PER_BLOCK;
        if (used != state.used) _state.used = used.toUint128();
        uint256 extended = Math.min(block.timestamp + SOFT_CLOSE, terms.end + MAX_EXTENSION);
        if (extended <= _endOf(state, terms)) return;
        if (msg.value * SOFT_CLOSE_DIVISOR < terms.minRaise) return;
        _state.extension = (extended - terms.end).toUint32();
        emit SaleExtended(extended);
    }

    function _claim(address owner) private returns (uint256 tokens, uint256 refund) {
        BidBook.Book storage book = _books[owner];
        if (book.count() == 0 || book.isClaimed()) return (0, 0);
        (tokens,, refund) = allocationOf(owner);
        book.setClaimed();
        emit SaleClaimed(owner, tokens, refund);
        if (tokens != 0) IERC20(CloneArgs.account(0)).safeTransfer(owner, tokens);
        if (refund != 0) SafeTransferLib.forceSafeTransferETH(owner, refund);
    }

    function _statusOf(State memory state, Parameters memory terms) private view returns (Status) {
        if (state.result != Status.Pending) return state.result;
        if (block.timestamp < terms.start) return Status.Pending;
        uint256 end = _endOf(state, terms);
        if (block.timestamp < end) return Status.Open;
        return block.timestamp < end + SETTLEMENT_PERIOD ? Status.Ended : Status.Failed;
    }

    function _endOf(State memory state, Parameters memory terms) private pure returns (uint256) {
        return terms.end + state.extension;
    }

    function _checkStatus(Status wanted, Status actual) private pure {
        if (actual != wanted) revert WrongStatus(actual);
    }

    function _checkFinal() private view {
        Status now_ = status();
        if (now_ != Status.Succeeded && now_ != Status.Failed) revert WrongStatus(now_);
    }

    function _checkTick(uint256 tick, Parameters memory terms) private pure {
        if (tick >= terms.tickCount) revert UnknownTick(tick, terms.tickCount);
    }

    /// @dev In memory the struct is its words, one after the other.
    function _pointer(Parameters memory terms) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := terms
        }
    }
}
