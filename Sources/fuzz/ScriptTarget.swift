import GuestScopeGuestMemory
import GuestScopeLinuxKernel

@testable import Commands

/// Commands of a script that stay in this process, write nothing and come to an end.
private let harmless: [any SessionCommand.Type] = [
  BTFList.self, CgroupShow.self, CgroupTree.self, Dmesg.self, History.self, Hold.self, Info.self,
  LinkList.self, MapDump.self, MapList.self, MapLookup.self, ModuleList.self, NetList.self,
  PRead.self, PerfList.self, PrintCommand.self, ProgDumpJited.self, ProgDumpXlated.self,
  ProgList.self, ProgStats.self, ProgVerifier.self, Quit.self, Read.self, Regs.self, Resume.self,
  RunQueueCommand.self, ScxDumpCommand.self, ScxExitCommand.self, ScxShow.self, StructOpsDump.self,
  StructOpsList.self, Sym.self, TaskListCommand.self, TaskShow.self, TaskStackCommand.self,
  Translate.self, TypeCommand.self, VarCommand.self,
]

private let lineLimit = 8

/// A script whose commands ask a recorded guest.
func scripts() throws -> FuzzTarget {
  nonisolated(unsafe) let recording = try recordings()[0]
  let kernel = try GuestKernel(recording.facts, in: SnapshotEngine(Replay(recording)))
  return { bytes in
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .prefix(lineLimit).map(String.init)
    guard lines.allSatisfy(isHarmless) else { return }
    let guest = Replay(recording)
    let session = silentSession(asking: guest, kernel: kernel)
    let shell = Shell(session, console: silence, output: usualOutput)
    let status = shell.run(Script(commands: lines), keepsGoing: true)
    precondition((0...Status.usage).contains(status), "status \(status)")
    try? session.close()
    precondition(!guest.isHeld)
  }
}

private func isHarmless(_ line: String) -> Bool {
  // Whoever cannot read a line runs none of it.
  guard let commands = try? LineCommand.all(in: line) else { return true }
  return commands.allSatisfy { command in
    guard case .answer(let words, .screen) = command else { return false }
    guard let parsed = try? Root.parse(words: words) else { return true }
    return !parsed.isEndless && harmless.contains { $0 == type(of: parsed) }
  }
}

let scriptSeeds: [[UInt8]] = [
  "prog list id 3 --sort -name; map list name 'c*' --columns id,name -j\n# nothing\nsym init_task",
  "print task_struct init_task .comm\nprint init_task --list .tasks .pid,.comm\ntype task_struct",
  "read init_task+0x10 32 --as x8\npread 0x1000 16\ntranslate $rip\nregs 1 -p; hold\nresume\nquit",
  "var \"a.b[1]\" --limit 3\nmap lookup id 2 key hex 00 01 ff 00\nmap dump id 2\nbtf list\nhelp prog",
  "task list --stuck 1.5; task show 1\ntask stack --cpu 1; dmesg --level err --since 10 -j",
].map { Array($0.utf8) }
