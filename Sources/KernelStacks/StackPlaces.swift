import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Walk {
  /// The stack of a task; nil for one that has ended.
  ///
  /// - Parameter table: leads to another task, which has a stack of the same size.
  func stack(
    of task: KernelObject<StackOwner>, _ table: ObjectTable
  ) throws(ReadFault) -> StackArea? {
    StackArea(
      .task, from: task.stack.rawValue, size: try threadSize(of: task.address, table))
  }

  /// THREAD_SIZE, in bytes.
  ///
  /// - Throws: `Unreadable.Reason.lacking` where nothing says it.
  private func threadSize(
    of task: KernelVirtualAddress, _ table: ObjectTable
  ) throws(ReadFault) -> UInt64 {
    if let size = kernel.firstStackSize { return size }
    // Without the symbols of variables: as many pages as were allocated for it. The stack of the
    // first task is part of the image.
    var pages = try ifKnown(read(StackMapping.self, at: task).area)?.nrPages
    if pages == nil {
      let other = try table.address(of: 1, in: view)
      pages = try ifKnown(read(StackMapping.self, at: other).area)?.nrPages
    }
    guard let pages else {
      throw .unreadable(
        Unreadable(
          .lacking("nothing says how large the stacks of this kernel's tasks are"),
          at: task.rawValue))
    }
    return UInt64(pages) * UInt64(kernel.pageSize)
  }

  /// The stacks that a CPU has besides those of tasks. What this kernel does not show is left out.
  func stacks(of cpu: CPU) throws(ReadFault) -> [StackArea] {
    switch kernel.architecture {
    case .x86:
      let (interrupts, exceptions, entry) = try view.together(
        x86InterruptStack(of: cpu), exceptionStacks(of: cpu), ifKnown(entryStack(of: cpu)))
      return exceptions + [interrupts, entry].compactMap { $0 }
    case .arm64:
      let (interrupts, overflow) = try view.together(
        ifKnown(arm64InterruptStack(of: cpu)), ifKnown(overflowStack(of: cpu)))
      return [interrupts, overflow].compactMap { $0 }
    }
  }

  /// A CPU's own copy of a variable.
  private func copy(
    of symbol: String, on cpu: CPU
  ) throws(ReadFault) -> KernelVirtualAddress {
    cpu.address(of: try self.symbol(symbol))
  }

  // MARK: x86-64

  private func x86InterruptStack(of cpu: CPU) throws(ReadFault) -> StackArea? {
    var pointer = try ifKnown(view.pointer(at: copy(of: "hardirq_stack_ptr", on: cpu)))
    if pointer == nil {
      pointer = try ifKnown(read(PCPUHot.self, at: copy(of: "pcpu_hot", on: cpu)).hardirqStackPtr)
    }
    guard let pointer, let size = try ifKnown(size(ofStruct: "irq_stack")) else { return nil }
    // map_irq_stack() of arch/x86/kernel/irq_64.c: it leads to the last word, and up to 5.11 to the end
    // (commit 951c2a51ae75).
    let end = pointer.rawValue & 0xfff == 0 ? pointer.rawValue : pointer.rawValue &+ 8
    return StackArea(.interrupt, from: end &- UInt64(size), size: UInt64(size))
  }

  private func exceptionStacks(of cpu: CPU) throws(ReadFault) -> [StackArea] {
    guard let base = try ifKnown(view.pointer(at: copy(of: "cea_exception_stacks", on: cpu))) else {
      return []
    }
    return kernel.exceptionStacks.compactMap { place in
      StackArea(place.kind, from: base.rawValue &+ UInt64(place.offset), size: UInt64(place.size))
    }
  }

  private func entryStack(of cpu: CPU) throws(ReadFault) -> StackArea? {
    let size = UInt64(try size(ofStruct: "entry_stack"))
    let state = try read(TaskState64.self, at: copy(of: "cpu_tss_rw", on: cpu))
    return StackArea(.entry, from: state.sp0 &- size, size: size)
  }

  // MARK: arm64

  /// IRQ_STACK_SIZE is THREAD_SIZE.
  private func arm64InterruptStack(of cpu: CPU) throws(ReadFault) -> StackArea? {
    guard let size = kernel.firstStackSize else { return nil }
    let start = try view.pointer(at: copy(of: "irq_stack_ptr", on: cpu))
    return StackArea(.interrupt, from: start.rawValue, size: size)
  }

  /// OVERFLOW_STACK_SIZE of arch/arm64/include/asm/memory.h is 4 KiB.
  private func overflowStack(of cpu: CPU) throws(ReadFault) -> StackArea? {
    StackArea(.overflow, from: try copy(of: "overflow_stack", on: cpu).rawValue, size: 4096)
  }
}

extension GuestKernel {
  /// The size of the first task's stack, in bytes, which is part of the image; nil where the
  /// symbols do not say it.
  fileprivate var firstStackSize: UInt64? {
    // The second since 6.10.
    let borders = [
      ("__start_init_task", "__end_init_task"), ("__start_init_stack", "__end_init_stack"),
    ]
    for (start, end) in borders {
      if let start = symbols.address(of: start), let end = symbols.address(of: end), start < end {
        return end - start
      }
    }
    return nil
  }

  fileprivate struct ExceptionStack: Sendable {
    var kind: StackArea.Kind
    var offset, size: Int
  }

  private struct ExceptionStacks: Sendable {
    var all: [ExceptionStack]
  }

  /// Where they are in `struct cea_exception_stacks` of arch/x86/include/asm/cpu_entry_area.h.
  fileprivate var exceptionStacks: [ExceptionStack] {
    let places = try? prepared { () throws(KernelError) in
      let members: [(StackArea.Kind, String)] = [
        (.doubleFault, "DF_stack"), (.nmi, "NMI_stack"), (.debug, "DB_stack"),
        (.machineCheck, "MCE_stack"),
        // Since 5.10 (commit 02772fb9b68e).
        (.virtualization, "VC_stack"), (.virtualization, "VC2_stack"),
      ]
      return ExceptionStacks(
        all: members.compactMap { kind, name in
          guard let field = try? btf.requiredField(name, of: "cea_exception_stacks") else {
            return nil
          }
          return ExceptionStack(kind: kind, offset: field.offset, size: field.size)
        })
    }
    return places?.all ?? []
  }
}
