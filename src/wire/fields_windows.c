/* How the exporters of Windows events call what the events' own schema and
 * Sigma call otherwise. Data, not code: one row a name. */
#include "wire/fields_table.h"

/* evtx_dump; the same without "Event" (Velociraptor); Winlogbeat 7 and later; Winlogbeat 6. */
static const char *const wrappers[] = {
	"Event.System", "Event.EventData", "Event.UserData.*",
	"System", "EventData", "UserData.*",
	"winlog.event_data", "winlog.user_data",
	"event_data", "user_data",
};

static const struct {
	const char *path, *name;
} others[] = {
	{ "winlog.channel", "Channel" },
	{ "winlog.event_id", "EventID" },
	{ "winlog.provider_name", "Provider_Name" },
	{ "winlog.provider_guid", "Provider_Guid" },
	{ "winlog.computer_name", "Computer" },
	{ "winlog.record_id", "EventRecordID" },
	{ "winlog.task", "Task" },
	{ "winlog.opcode", "Opcode" },
	{ "winlog.version", "Version" },
	{ "winlog.process.pid", "Execution_ProcessID" },
	{ "winlog.process.thread.id", "Execution_ThreadID" },
	{ "winlog.user.identifier", "Security_UserID" },
	{ "winlog.activity_id", "Correlation_ActivityID" },
	{ "log_name", "Channel" },
	{ "event_id", "EventID" },
	{ "source_name", "Provider_Name" },
	{ "computer_name", "Computer" },
	{ "record_number", "EventRecordID" },
	/* NXLog */
	{ "SourceName", "Provider_Name" },
	{ "ProviderGuid", "Provider_Guid" },
	{ "Hostname", "Computer" },
	{ "RecordNumber", "EventRecordID" },
	{ "ExecutionProcessID", "Execution_ProcessID" },
	{ "ExecutionThreadID", "Execution_ThreadID" },
	/* Velociraptor */
	{ "EventID.Value", "EventID" },
	{ "Provider.Name", "Provider_Name" },
	{ "Provider.Guid", "Provider_Guid" },
	{ "TimeCreated.SystemTime", "TimeCreated_SystemTime" },
	{ "Execution.ProcessID", "Execution_ProcessID" },
	{ "Execution.ThreadID", "Execution_ThreadID" },
	{ "Security.UserID", "Security_UserID" },
	{ "Event.RenderingInfo.Message", "Message" },
	/* The Elastic Common Schema, into which Winlogbeat's modules move event data */
	{ "event.code", "EventID" },
	{ "process.executable", "Image" },
	{ "process.command_line", "CommandLine" },
	{ "process.working_directory", "CurrentDirectory" },
	{ "process.pid", "ProcessId" },
	{ "process.entity_id", "ProcessGuid" },
	{ "process.pe.original_file_name", "OriginalFileName" },
	{ "process.pe.description", "Description" },
	{ "process.pe.product", "Product" },
	{ "process.pe.company", "Company" },
	{ "process.pe.file_version", "FileVersion" },
	{ "process.parent.executable", "ParentImage" },
	{ "process.parent.command_line", "ParentCommandLine" },
	{ "process.parent.pid", "ParentProcessId" },
	{ "process.parent.entity_id", "ParentProcessGuid" },
	{ "file.path", "TargetFilename" },
	{ "dll.path", "ImageLoaded" },
	{ "registry.path", "TargetObject" },
	{ "dns.question.name", "QueryName" },
	{ "source.ip", "SourceIp" },
	{ "source.port", "SourcePort" },
	{ "destination.ip", "DestinationIp" },
	{ "destination.port", "DestinationPort" },
	{ "destination.domain", "DestinationHostname" },
};

enum rc fields_add_windows(struct fields *f, struct err *err)
{
	for (size_t i = 0; i < COUNTOF(wrappers); i++)
		TRY(fields_transparent(f, str_of(wrappers[i]), err));
	for (size_t i = 0; i < COUNTOF(others); i++)
		TRY(fields_rename(f, str_of(others[i].path), str_of(others[i].name), err));
	fields_attributes(f);
	return RC_OK;
}
