// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice One of everything that a binding must be able to say; used by the tests of imo-abigen.
contract BindingZoo {
    struct Leaf {
        uint8 kind;
        string label;
    }

    struct Tree {
        Leaf root;
        Leaf[] leaves;
        uint16[2][] pairs;
        bytes4 mark;
    }

    enum Mood {
        Calm,
        Wild
    }

    error TooSmall(uint256 given, uint256 least, address who);
    error Nested(Leaf leaf, bytes data);
    error Plain();

    event Planted(
        address indexed by, string indexed name, bytes indexed seed, Tree tree, int64 depth
    );
    event Counted(uint256 indexed count, Mood mood);
    event Quiet();

    uint256 public count;
    address public immutable owner;
    string public title;

    constructor(address owner_, string memory title_, uint32[] memory counts) payable {
        owner = owner_;
        title = title_;
        for (uint256 i = 0; i < counts.length; ++i) {
            count += counts[i];
        }
    }

    receive() external payable {}

    function echo(Tree calldata tree, int64 depth, bytes calldata data, bool flag)
        external
        pure
        returns (Tree memory, int64, bytes memory, bool)
    {
        return (tree, depth, data, flag);
    }

    function numbers(
        uint8 a,
        uint40 b,
        uint256 c,
        int8 d,
        int256 e,
        uint8[] calldata f,
        uint8[3] calldata g
    )
        external
        pure
        returns (uint8, uint40, uint256, int8, int256, uint8[] memory, uint8[3] memory)
    {
        return (a, b, c, d, e, f, g);
    }

    function plant(string calldata name, bytes calldata seed, Tree calldata tree, int64 depth)
        external
    {
        emit Planted(msg.sender, name, seed, tree, depth);
    }

    /// @dev The names of these are taken in C++, or by the bindings themselves.
    function delete_() external pure returns (uint256) {
        return 1;
    }

    function operator(uint256 template, uint256 int_) external pure returns (uint256) {
        return template + int_;
    }

    function events() external pure returns (uint256 class) {
        return 2;
    }

    /// @dev Told apart by the number of parameters.
    function add() external returns (uint256) {
        return _add(1);
    }

    function add(uint256 by) external payable returns (uint256) {
        return _add(by);
    }

    /// @dev Told apart by their types.
    function describe(uint256) external pure returns (string memory) {
        return "number";
    }

    function describe(address) external pure returns (string memory) {
        return "address";
    }

    function fail(uint256 how) external view {
        if (how == 0) revert TooSmall(how, 5, msg.sender);
        if (how == 1) revert Nested(Leaf(3, "leaf"), hex"0102");
        if (how == 2) revert Plain();
        if (how == 3) require(false, "plain words");
        if (how == 4) count + type(uint256).max;
        if (how == 5) assert(false);
        if (how == 6) {
            assembly ("memory-safe") {
                revert(0, 0)
            }
        }
    }

    /// @dev Passes when estimated, fails when the count has moved since.
    function addIf(uint256 expected) external {
        if (count != expected) revert TooSmall(count, expected, msg.sender);
        _add(1);
    }

    function clock() external view returns (uint256) {
        return block.timestamp;
    }

    function _add(uint256 by) private returns (uint256) {
        count += by;
        emit Counted(count, by > 1 ? Mood.Wild : Mood.Calm);
        if (by == 0) emit Quiet();
        return count;
    }
}
