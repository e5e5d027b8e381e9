// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {BoundedCall} from "../libraries/BoundedCall.sol";
import {Payment} from "../libraries/Payment.sol";

/// @title A fixed-price sale of ERC-721 pieces that honours ERC-2981
/// @notice The market holds a piece while it is listed, so a listing can neither go stale nor be sold
/// twice, and its price never changes: another price is another listing. Seller and royalty receiver
/// are credited; anybody may push what is owed to its owner.
contract ContentMarket {
    struct Listing {
        address seller;
        uint96 price;
    }

    /// @dev A collection answers `royaltyInfo` within this or gets no royalty.
    uint256 private constant ROYALTY_GAS = 200_000;

    /// @notice What `withdraw` would send, in wei.
    mapping(address account => uint256) public owed;
    /// @notice Sum of everything owed; the balance of this contract.
    uint256 public totalOwed;

    mapping(address collection => mapping(uint256 id => Listing)) private _listings;

    event Listed(
        address indexed collection, uint256 indexed id, address indexed seller, uint256 price
    );
    event Cancelled(address indexed collection, uint256 indexed id, address indexed seller);
    event Sold(
        address indexed collection,
        uint256 indexed id,
        address indexed buyer,
        address seller,
        uint256 price,
        address royaltyReceiver,
        uint256 royalty
    );
    event Withdrawn(address indexed account, uint256 amount);

    error ZeroPrice();
    error NotListed(address collection, uint256 id);
    error NotDelivered(address collection, uint256 id);
    error NotSeller(address seller, address caller);
    error WrongPayment(uint256 price, uint256 payment);
    error NothingOwed(address account);
    error TransferFailed(address to, uint256 amount);

    /// @notice Takes the caller's piece, which must be approved, and offers it at `price` wei.
    function list(address collection, uint256 id, uint96 price) external {
        if (price == 0) revert ZeroPrice();
        _listings[collection][id] = Listing({seller: msg.sender, price: price});
        emit Listed(collection, id, msg.sender, price);
        IERC721(collection).transferFrom(msg.sender, address(this), id);
        if (IERC721(collection).ownerOf(id) != address(this)) revert NotDelivered(collection, id);
    }

    /// @notice Gives an unsold piece back to its seller, who calls this.
    function cancel(address collection, uint256 id) external {
        Listing memory listing = _take(collection, id);
        if (msg.sender != listing.seller) revert NotSeller(listing.seller, msg.sender);
        emit Cancelled(collection, id, listing.seller);
        IERC721(collection).transferFrom(address(this), listing.seller, id);
    }

    /// @notice Buys a piece for exactly its price.
    function buy(address collection, uint256 id) external payable {
        Listing memory listing = _take(collection, id);
        if (msg.value != listing.price) revert WrongPayment(listing.price, msg.value);
        (address receiver, uint256 royalty) = royaltyOf(collection, id, listing.price);
        _credit(receiver, royalty);
        _credit(listing.seller, listing.price - royalty);
        emit Sold(collection, id, msg.sender, listing.seller, listing.price, receiver, royalty);
        IERC721(collection).safeTransferFrom(address(this), msg.sender, id);
    }

    /// @notice Sends what is owed to `account` to `account`. By anybody.
    function withdraw(address account) external returns (uint256 amount) {
        amount = owed[account];
        if (amount == 0) revert NothingOwed(account);
        owed[account] = 0;
        totalOwed -= amount;
        emit Withdrawn(account, amount);
        if (!Payment.trySend(address(0), account, amount)) revert TransferFailed(account, amount);
    }

    /// @notice The listing of a piece; `seller` is zero when there is none.
    function listingOf(address collection, uint256 id) external view returns (Listing memory) {
        return _listings[collection][id];
    }

    /// @notice The royalty on a sale: never more than the price, and none when the collection names
    /// no receiver or does not answer.
    function royaltyOf(address collection, uint256 id, uint256 price)
        public
        view
        returns (address receiver, uint256 royalty)
    {
        // The buyer must not be able to starve the question and save the royalty for the seller.
        BoundedCall.checkGas(ROYALTY_GAS);
        bytes memory output = new bytes(64);
        uint256 returned = BoundedCall.read(
            collection, ROYALTY_GAS, abi.encodeCall(IERC2981.royaltyInfo, (id, price)), output
        );
        if (returned < 64) return (address(0), 0);
        (uint256 word, uint256 amount) = abi.decode(output, (uint256, uint256));
        if (word == 0 || word > type(uint160).max) return (address(0), 0);
        // forge-lint: disable-next-line(unsafe-typecast) bounded above
        receiver = address(uint160(word));
        royalty = amount < price ? amount : price;
    }

    function _take(address collection, uint256 id) private returns (Listing memory listing) {
        listing = _listings[collection][id];
        if (listing.seller == address(0)) revert NotListed(collection, id);
        delete _listings[collection][id];
    }

    function _credit(address account, uint256 amount) private {
        owed[account] += amount;
        totalOwed += amount;
    }
}
