import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport

@testable import Commands

/// A walker, by the commands that need it. `{ids of COMMAND}` stands for some of the numbers that the
/// undamaged guest answers COMMAND with, each in a command of its own: those are short, and much of a
/// guest is damaged by few changes.
struct Walker: Sendable {
  let name: String
  let lines: [String]
  var findsKernel = false
  var damagesRegisters = false
}

let walkers = [
  Walker(name: "walk-kernel", lines: ["info"], findsKernel: true),
  Walker(
    name: "walk-registers", lines: ["regs", "info", "task stack --cpu 0"], findsKernel: true,
    damagesRegisters: true),
  Walker(
    name: "walk-programs",
    lines: ["prog list id {id of prog list}", "prog stats id {id of prog list}", "prog list"]),
  Walker(
    name: "walk-code",
    lines: ["prog dump xlated id {id of prog list}", "prog dump jited id {id of prog list}"]),
  Walker(name: "walk-maps", lines: ["map list id {id of map list}", "map list"]),
  Walker(name: "walk-contents", lines: ["map dump id {id of map list}"]),
  Walker(name: "walk-variables", lines: ["var"]),
  Walker(name: "walk-links", lines: ["link list id {id of link list}", "link list"]),
  Walker(name: "walk-struct-ops", lines: ["struct_ops list", "struct_ops dump"]),
  Walker(
    name: "walk-attachments",
    lines: ["cgroup tree", "cgroup tree / effective", "net list", "perf list"]),
  Walker(
    name: "walk-btf", lines: ["btf list id {id of btf list}", "btf dump id {id of btf list}"]),
  Walker(name: "walk-tasks", lines: ["task list", "task show {pid of task list}"]),
  Walker(name: "walk-stacks", lines: ["task stack {pid of task list}", "task stack --cpu 0"]),
  Walker(name: "walk-log", lines: ["dmesg", "dmesg --level err"]),
  Walker(name: "walk-scheduler", lines: ["scx show", "scx exit", "scx dump", "runqueue"]),
  Walker(name: "walk-modules", lines: ["module list"]),
  Walker(
    name: "walk-page-tables",
    lines: [
      "translate init_task", "translate jiffies", "read init_task 64",
      "print task_struct init_task",
      "translate 0xffff888000000000", "read linux_banner 4096",
    ]),
  Walker(name: "walk-report", lines: ["report", "info"]),
]

extension Walker {
  /// The walks of all recorded guests; the first byte of an input says which one is meant, and the second
  /// in which way it goes.
  func walks() throws -> [DamagedWalk] {
    let walks = try recordings().flatMap { recording in
      let kernel = try GuestKernel(recording.facts, in: SnapshotEngine(Replay(recording)))
      return try lines.flatMap { try expanded($0, recording, kernel) }.flatMap { line in
        // Of many objects, those that are read soon: a large map is read as a small one is.
        let mostBytes = lines.contains(line) ? DamagedWalk.longAnswer : Self.shortAnswer
        let walks =
          findsKernel
          ? [
            try DamagedWalk(line, recording, kernel: nil, damagesRegisters: damagesRegisters),
            try DamagedWalk(
              line, recording, kernel: nil, damagesRegisters: damagesRegisters
            ) { recording.factsInMemory },
          ] : [try DamagedWalk(line, recording, kernel: kernel, mostBytes: mostBytes)]
        return walks.compactMap(\.self)
      }
    }
    precondition(!walks.isEmpty, "no recorded guest answers \(lines)")
    return walks
  }

  /// Bytes.
  private static let shortAnswer = 1 << 16

  private func expanded(
    _ line: String, _ recording: Recording, _ kernel: GuestKernel
  ) throws -> [String] {
    guard let start = line.firstIndex(of: "{"), let end = line.firstIndex(of: "}") else {
      return [line]
    }
    let inner = line[line.index(after: start)..<end].split(separator: " ").map(String.init)
    let walk = try DamagedWalk(
      inner.dropFirst(2).joined(separator: " "), recording, kernel: kernel)
    guard case .array(let elements)? = walk?.document(of: Replay(recording)) else { return [] }
    let numbers = elements.compactMap { element -> UInt64? in
      guard case .object(let members) = element,
        case .unsigned(let number)? = members.first(where: { $0.key == inner[0] })?.value
      else { return nil }
      return number
    }
    let most = 40
    return stride(from: 0, to: numbers.count, by: max(1, (numbers.count + most - 1) / most)).map {
      index in
      line[..<start] + "\(numbers[index])" + line[line.index(after: end)...]
    }
  }

  func target() throws -> FuzzTarget {
    nonisolated(unsafe) let walks = try walks()
    print("\(name): \(walks.count) walks")
    return { bytes in
      guard bytes.count >= 2 else { return }
      // The other ways read the same again and again, and take several times as long: an eighth is enough.
      let way = bytes[1] % 8 == 7 ? bytes[1] >> 3 : 0
      walks[Int(bytes[0]) % walks.count].run(Edit.all(of: bytes.dropFirst(2)), way: way)
    }
  }

  /// Each walk with a little damage.
  func seeds() throws -> [[UInt8]] {
    var random = SplitMix(state: 1)
    return try walks().indices.map { index in
      [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index)]
        + (0..<2 * Edit.size).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
  }
}
