/// All of the library: one import for its clients.
@_exported public import GuestScopeBTF
@_exported public import GuestScopeBytes
@_exported public import GuestScopeGDBStub
@_exported public import GuestScopeGuestMemory
@_exported public import GuestScopeKernelBPF
@_exported public import GuestScopeKernelCache
@_exported public import GuestScopeKernelImage
@_exported public import GuestScopeKernelLog
@_exported public import GuestScopeKernelScheduler
@_exported public import GuestScopeKernelStacks
@_exported public import GuestScopeKernelTasks
@_exported public import GuestScopeLinuxKernel
@_exported public import GuestScopePaging
@_exported public import GuestScopeRemoteProtocol
