import TestSupport
import Testing

@testable import GuestScopeRemoteProtocol

private let x86 = TargetDescription(documents: [
  "target.xml": ascii(TargetDescriptionText.x86Target),
  "i386-64bit.xml": ascii(TargetDescriptionText.i38664bit),
])

private let armDocuments = [
  "target.xml": ascii(TargetDescriptionText.armTarget),
  "aarch64-core.xml": ascii(TargetDescriptionText.aarch64Core),
  "sve-registers.xml": ascii(TargetDescriptionText.sve),
  "system-registers.xml": ascii(TargetDescriptionText.systemRegisters),
]

@Test func x86RegistersStandInOneReply() {
  #expect(x86.architecture == "i386:x86-64")
  #expect(x86.missing.isEmpty)
  #expect(x86.registers.count == 66)
  #expect(x86.registers.map(\.number) == Array(0..<66))
  #expect(x86.registers.reduce(0) { $0 + $1.byteCount } == 608)
  // Four of the names are in a comment.
  #expect(x86.register(named: "cs_base") == nil)
  #expect(x86.register(named: "es_base") == nil)
}

/// Offsets measured in a `g` reply of QEMU 5.2 to 11.1.
@Test(
  arguments: [
    ("rax", 0, 0, 64), ("rip", 16, 128, 64), ("eflags", 17, 136, 32), ("cs", 18, 140, 32),
    ("fs_base", 24, 164, 64), ("gs_base", 25, 172, 64), ("k_gs_base", 26, 180, 64),
    ("cr0", 27, 188, 64), ("cr3", 29, 204, 64), ("cr4", 30, 212, 64), ("efer", 32, 228, 64),
    ("st0", 33, 236, 80), ("fctrl", 41, 316, 32), ("xmm0", 49, 348, 128), ("mxcsr", 65, 604, 32),
  ])
func x86RegisterOffsets(name: String, number: Int, offset: Int, bitSize: Int) {
  #expect(x86.register(named: name)?.number == number)
  #expect(x86.register(named: name)?.bitSize == bitSize)
  #expect(x86.gOffsets(replySize: 608)[name] == offset)
}

@Test func aReplyThatIsNotThisDescriptionsHasNoOffsets() {
  // As long as rax to r15, but a register short of anything that ends at 130.
  #expect(x86.gOffsets(replySize: 130)["rax"] == nil)
  #expect(x86.gOffsets(replySize: 612)["rax"] == nil)
  #expect(x86.gOffsets(replySize: 0)["rax"] == nil)
  #expect(x86.gOffsets(replySize: 128)["cr3"] == nil)
  #expect(x86.gOffsets(replySize: 128)["r15"] == 120)
  #expect(x86.gOffsets(replySize: 608)["nosuch"] == nil)
}

@Test func armSystemRegistersHaveNumbersButNoPlaceInTheReply() {
  let arm = TargetDescription(documents: armDocuments)
  #expect(arm.architecture == "aarch64")
  #expect(arm.missing.isEmpty)
  #expect(arm.registers.count == 34 + 52 + 9)
  #expect(arm.gOffsets(replySize: 268)["x30"] == 240)
  #expect(arm.gOffsets(replySize: 268)["pc"] == 256)
  #expect(arm.gOffsets(replySize: 268)["cpsr"] == 264)
  #expect(arm.gOffsets(replySize: 268)["z0"] == nil)
  #expect(
    arm.register(named: "TTBR1_EL1")
      == Register(name: "TTBR1_EL1", number: 175, bitSize: 64))
  #expect(arm.register(named: "TCR_EL1")?.number == 174)
  #expect(arm.register(named: "VBAR")?.number == 124)
  #expect(arm.gOffsets(replySize: 268)["TTBR1_EL1"] == nil)
}

@Test func missingDocumentsAreNamedInOrder() {
  var documents: [String: [UInt8]] = [:]
  #expect(TargetDescription(documents: documents).missing == ["target.xml"])
  documents["target.xml"] = armDocuments["target.xml"]
  #expect(
    TargetDescription(documents: documents).missing
      == ["aarch64-core.xml", "sve-registers.xml", "system-registers.xml"])
  // The way that a client goes: one document after the other until none is missing.
  while let next = TargetDescription(documents: documents).missing.first {
    documents[next] = armDocuments[next]
  }
  #expect(TargetDescription(documents: documents) == TargetDescription(documents: armDocuments))
}

/// The description of one document.
private func description(_ text: String) -> TargetDescription {
  TargetDescription(documents: ["target.xml": ascii(text)])
}

private func numbers(_ text: String) -> [String] {
  description(text).registers.map { "\($0.name)=\($0.number)" }
}

@Test func numbersCountUpFromTheLastOne() {
  #expect(
    numbers(
      #"<reg name="a" bitsize="8"/><reg name="b" bitsize="8" regnum="7"/><reg name='c' bitsize='8' />"#
    ) == ["a=0", "b=7", "c=8"])
}

@Test func numbersCountOnThroughIncludes() {
  let documents = [
    "target.xml": ascii(
      #"<xi:include href="a.xml"/><reg name="r" bitsize="8"/><xi:include href="b.xml"/>"#),
    "a.xml": ascii(#"<reg name="a" bitsize="8" regnum="3"/>"#),
    "b.xml": ascii(#"<reg name="b" bitsize="8"/>"#),
  ]
  let description = TargetDescription(documents: documents)
  #expect(description.registers.map(\.name) == ["a", "r", "b"])
  #expect(description.registers.map(\.number) == [3, 4, 5])
}

/// A register that cannot be read keeps its place, so that those after it are not numbered wrong.
@Test(
  arguments: [
    #"<reg bitsize="8"/>"#, #"<reg name="x"/>"#, #"<reg name="x" bitsize="0"/>"#,
    #"<reg name="x" bitsize="-8"/>"#, #"<reg name="x" bitsize="99999999999999999999"/>"#,
    #"<reg name="x" bitsize="9999999"/>"#, "<reg>", "<reg/>", #"<reg name=x bitsize=8/>"#,
  ])
func aRegisterThatCannotBeReadKeepsItsPlace(text: String) {
  let text = #"<reg name="a" bitsize="8"/>\#(text)<reg name="c" bitsize="8"/>"#
  #expect(numbers(text) == ["a=0", "c=2"])
  #expect(description(text).gOffsets(replySize: 1)["a"] == 0)
  #expect(description(text).gOffsets(replySize: 2)["c"] == nil)
}

@Test(arguments: ["x", "-1", "99999999999999999999", "99999999", ""])
func withoutAKnownNumberThereIsNoneUntilTheNext(number: String) {
  #expect(
    numbers(
      #"<reg name="a" regnum="\#(number)" bitsize="8"/><reg name="b" bitsize="8"/>"#
        + #"<reg name="c" regnum="5" bitsize="8"/><reg name="d" bitsize="8"/>"#)
      == ["c=5", "d=6"])
}

@Test func twoRegistersWithOneNumberHaveNoOffsets() {
  let two = description(
    #"<reg name="a" bitsize="8"/><reg name="b" bitsize="8" regnum="0"/><reg name="c" bitsize="8"/>"#
  )
  #expect(two.registers.count == 3)
  #expect(two.gOffsets(replySize: 3).isEmpty)
}

@Test func aNameMeansTheFirstRegisterThatHasIt() {
  let text =
    #"<reg name="a" bitsize="8" regnum="7"/><reg name="a" bitsize="8" regnum="0"/>"#
    + #"<reg name="b" bitsize="8"/>"#
  #expect(description(text).gOffsets(replySize: 2) == ["b": 1])
}

@Test func commentsAndDeclarationsAreSkipped() {
  #expect(
    numbers(
      #"<?xml <reg name="p" bitsize="8"/>?><!DOCTYPE x><!-- <reg name="q" bitsize="8"/> > -->"#
        + #"<!--reg name="r" bitsize="8"/--><reg name="a" bitsize="8"/>"#) == ["a=0"])
  #expect(numbers(#"<reg name="a" bitsize="8"/><!-- <reg name="b" bitsize="8"/>"#) == ["a=0"])
}

@Test func unfinishedTagsAreSkipped() {
  #expect(numbers(#"<reg name="a" bitsize="8"#).isEmpty)
  #expect(numbers(#"<reg name="a" <reg name="b" bitsize="8"/>"#) == ["b=0"])
  #expect(numbers(#"< reg name="a" bitsize="8"/><><<<<reg name="b" bitsize="8"/>"#) == ["b=0"])
}

@Test func includesThatFormACycleEnd() {
  let documents = [
    "target.xml": ascii(#"<xi:include href="a.xml"/><xi:include href="target.xml"/>"#),
    "a.xml": ascii(#"<xi:include href="a.xml"/><xi:include href="b.xml"/>"#),
    "b.xml": ascii(#"<xi:include href="a.xml"/><reg name="r" bitsize="8"/>"#),
  ]
  let description = TargetDescription(documents: documents)
  #expect(description.registers.map(\.name) == ["r"])
  #expect(description.missing.isEmpty)
}

/// A name goes into a packet and must mean nothing there.
@Test(arguments: ["a:b", "a#00$k", "", "../a b", "é.xml", String(repeating: "a", count: 300)])
func strangeIncludesAreLeftOut(href: String) {
  #expect(description(#"<xi:include href="\#(href)"/>"#).missing.isEmpty)
}

/// Any text and any part of a real one is survived, and what is read obeys the limits.
@Test(arguments: seeds)
func anyDocumentIsSurvived(seed: UInt64) {
  var random = SplitMix(state: seed)
  let words = [
    "<reg ", "name=\"", "bitsize=\"64\"", "regnum=\"", "\"", "'", "/>", ">", "<", "<!--", "-->",
    "<?", "?>", "=", " ", "99", "-", "<xi:include href=\"a.xml\"/>", "<architecture>", "&lt;", "é",
  ]
  let real = armDocuments["system-registers.xml"]!
  for _ in 0..<100 {
    var text: [UInt8] = []
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      text += ascii(words.randomElement(using: &random)!)
    }
    let start = Int.random(in: 0..<real.count, using: &random)
    text += real[start..<Int.random(in: start...real.count, using: &random)]
    let description = TargetDescription(documents: ["target.xml": text, "a.xml": text])
    for register in description.registers {
      #expect((0..<TargetDescription.registerLimit).contains(register.number))
      #expect((1...TargetDescription.bitSizeLimit).contains(register.bitSize))
      _ = description.gOffsets(replySize: 268)[register.name]
    }
  }
}
