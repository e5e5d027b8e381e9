// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "solady/utils/Base64.sol";
import {LibString} from "solady/utils/LibString.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {ContentCard} from "../../src/libraries/ContentCard.sol";
import {UseFixture} from "../use/UseFixture.sol";

/// tokenURI
/// ├── of a text question whose tokens were struck down → says so, though the new answer reads the same
/// └── with U+FFFE or U+FFFF → a picture that is still XML
contract ContentTruthTest is UseFixture {
    function answerText(uint256 id, bytes memory promptTokens) private {
        IOracle.Answer memory posted = defaultAnswer();
        posted.promptTokens = promptTokens;
        answer(id, posted);
    }

    function statusOfToken(uint256 id) private view returns (string memory) {
        string memory uri = content.tokenURI(id);
        string memory json = string(Base64.decode(LibString.slice(uri, 29)));
        return vm.parseJsonString(json, ".attributes[3].value");
    }

    /// Who loses: a buyer who reads "final" where `verify` says false.
    function test_status_struckTokensSameText() public {
        vm.prank(asker);
        uint256 id = oracle.requestCallback{value: 0.01 ether}(modelId, "hi", address(0), 0, "");
        answerText(id, pack(1, 7, 8));
        bytes memory wrong = content.encodePrompt(id, pack(1, 7, 8));
        vm.prank(asker);
        uint256 old = content.mint(asker, wrong, "a river");
        strikeDown(id);
        answerText(id, pack(1, 9));
        bytes memory right = content.encodePrompt(id, pack(1, 9));
        vm.prank(asker);
        uint256 present = content.mint(asker, right, "a river");
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);

        assertFalse(content.verify(wrong, "a river", ""));
        assertEq(statusOfToken(old), "struck down");
        assertTrue(content.verify(right, "a river", ""));
        assertEq(statusOfToken(present), "final");
    }

    /// XML 1.0 has no such characters: a viewer would refuse the whole picture.
    function test_card_nonCharacters() public pure {
        bytes memory text = hex"61efbfbe62efbfbf63efbfbd64f09fbfbfefbebf";
        string memory uri = ContentCard.uri(text, "footer");
        bytes memory svg = Base64.decode(LibString.slice(uri, 26));
        bytes memory shown = hex"61efbfbd62efbfbd63efbfbd64f09fbfbfefbebf";
        assertTrue(LibString.contains(string(svg), string(shown)));
    }
}
