import Testing

@testable import Commands

@Suite struct ParsingTests {
  @Test func addresses() throws {
    func parse(_ text: String) -> AddressExpression? { AddressExpression(argument: text) }
    #expect(parse("0x1F")?.base == .number(0x1f))
    #expect(parse("31")?.base == .number(31))
    #expect(parse("ffffffff81000000")?.base == .number(0xffff_ffff_8100_0000))
    #expect(parse("init_task")?.base == .symbol("init_task"))
    // Fewer digits are a name.
    #expect(parse("deadbeef")?.base == .symbol("deadbeef"))
    let both = try #require(parse("runqueues@1+0x40"))
    #expect(both.base == .symbol("runqueues"))
    #expect(both.cpu == 1)
    #expect(both.offset == 0x40)
    #expect(parse("jiffies-8")?.offset == 0 &- 8)
    for wrong in ["", "+8", "a+", "a+x", "a@", "a@x", "0x", "0xg", "9z", "a@-1"] {
      #expect(parse(wrong) == nil, "\(wrong)")
    }
  }

  @Test func objectsByTheirNumber() throws {
    func parse(_ text: String) -> AddressExpression? { AddressExpression(argument: text) }
    #expect(parse("prog:21")?.base == .object(.prog, id: 21))
    #expect(parse("task:1")?.base == .object(.task, id: 1))
    let offset = try #require(parse("map:11+0x8"))
    #expect(offset.base == .object(.map, id: 11))
    #expect(offset.offset == 8)
    for wrong in ["prog:", "prog:x", "prog:-1", "fly:1", ":1", "prog:1@0", "prog:0x1", "prog:1:2"] {
      #expect(parse(wrong) == nil, "\(wrong)")
    }
  }

  @Test func pathsOfAListStandBetweenCommas() throws {
    func request(_ line: String) throws -> PrintRequest {
      let print = try #require(try Root.parse(words: Words.split(line)) as? PrintCommand)
      return try PrintRequest(
        type: print.type, address: print.address, members: print.members, link: print.list)
    }
    let list = try request("print struct task_struct init_task --list .tasks .comm,->mm->pgd pid")
    #expect(list.type == "struct task_struct")
    #expect(list.address.base == .symbol("init_task"))
    #expect(list.link?.description == "tasks")
    #expect(list.paths.map(\.description) == ["comm", "mm.pgd", "pid"])
    #expect(try request("print module modules --list ->list").paths.isEmpty)
    #expect(try request("print --list list module modules .name").paths.count == 1)
    let one = try request("print task_struct init_task .comm [3]")
    #expect(one.paths.map(\.description) == ["comm[3]"])
    #expect(one.link == nil)
    for wrong in [
      "print module modules --list ..", "print module modules --list .list .name,",
      "print module modules --list ''", "print module modules --list",
      "print module modules .name,.state",
    ] {
      #expect(throws: (any Error).self, "\(wrong)") { try Root.parse(words: Words.split(wrong)) }
    }
  }

  @Test func formatOfReadIsNotTheScript() throws {
    let batch = try #require(try Root.parse(words: ["-f", "x4"]) as? Root)
    #expect(batch.session.batch.file == "x4")
    for line in [
      "-j read -t x4 a 8", "read a 8 -t=x4", "read a 8 -jt x4", "-j pread 0 8 -t x4",
      "-k prog read a 8 --as x4",
    ] {
      let dump = try Root.parse(words: try Words.split(line))
      #expect((dump as? Read)?.dump.format ?? (dump as? PRead)?.dump.format == .x4, "\(line)")
      #expect((dump as? any GuestCommand)?.output.json == line.contains("j"))
    }
  }

  @Test(
    arguments: [
      "prog list -e info", "prog -e info", "prog stats -je fly", "info -f x", "info -f=x",
      "-e info prog", "-jf x prog list", "-f=x info", "-je info prog",
      "read a 8 -f x4", "source x -f y", "-k prog info -e regs",
    ])
  func commandsBesideACommandAreRefused(line: String) {
    let error = #expect(throws: UsageError.self) { try Root.parse(words: try Words.split(line)) }
    #expect(error?.description.contains("remove the other command") == true)
  }

  @Test func whatOnlyLooksLikeABatchIsNone() throws {
    let script = try #require(
      try Root.parse(words: ["-e", "prog", "-e", "-f x read"]) as? Root)
    #expect(script.session.batch.commands == ["prog", "-f x read"])
    // What opens a session is no command: this one has none.
    #expect(try Root.parse(words: ["-k", "prog", "-f", "x"]) is Root)
  }

  @Test func worstStatus() {
    #expect(Status.worse(Status.answered, Status.partial) == Status.partial)
    #expect(Status.worse(Status.failed, Status.partial) == Status.failed)
    #expect(Status.worse(Status.violation, Status.failed) == Status.failed)
    #expect(Status.worse(Status.usage, Status.failed) == Status.usage)
    #expect(Status.worse(Status.brokenPipe, Status.usage) == Status.brokenPipe)
  }

  @Test func lengths() throws {
    #expect(try ByteCount(userText: "0x10").value == 16)
    for wrong in ["0", "-1", "x", "16777217"] {
      #expect(throws: (any Error).self) { try ByteCount(userText: wrong) }
    }
    #expect(try ByteCount(userText: "16777216").value == 16 << 20)
  }
}
