#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"
#include "wire/log_line.h"

#define NOW ((usec)1767312000 * USEC_PER_SEC) /* 2026-01-02T00:00:00Z */

static struct fields *dict;
static struct flat *f;
static uint16_t user_id;

/* "name=text;": # before numbers, ! before true and false, ~ before null; * an item. */
static void show(struct buf *out)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct flat_value *v = &f->v[i];
		struct str text = flat_text(f, v);

		buf_fmt(out, "%.*s=%s%s%.*s;", (int)v->name_n, v->name, (v->flags & FLAT_ITEM) != 0 ? "*" : "",
			v->type == FLAT_STRING ? "" : v->type == FLAT_NUMBER ? "#" : v->type == FLAT_NULL ? "~" : "!", STR(text));
	}
}

static void show_time(struct buf *out)
{
	char text[TIME_TEXT_MAX];

	if (f->time != 0)
		buf_fmt(out, "@%.*s", STR(time_format(f->time, text)));
}

/* One row a line: what comes out, "(bad)" for a line that breaks its format, "(none)" for one that is no event. */
struct row {
	enum log_format format;
	struct str line, want;
};

static void run(const char *what, const struct row *rows, size_t n)
{
	CLEANUP(log_lines_freep) struct log_lines *l = NULL;
	struct buf out;
	struct err err;

	buf_init(&out, 65536);
	for (size_t i = 0; i < n; i++) {
		bool event = false;
		char name[64];

		if (i == 0 || rows[i].format != rows[i - 1].format) {
			log_lines_free(l);
			l = NULL;
			OK(log_lines_new(rows[i].format, dict, NOW, &l, &err) == RC_OK, "%s: a reader", what);
		}
		buf_clear(&out);
		if (log_lines_next(l, f, rows[i].line, &event, &err) != RC_OK) {
			buf_cstr(&out, "(bad)");
		} else if (!event) {
			buf_cstr(&out, "(none)");
		} else {
			show(&out);
			show_time(&out);
		}
		snprintf(name, sizeof name, "%s %zu", what, i + 1);
		EQ_STR(buf_view(&out), rows[i].want, name);
	}
	buf_done(&out);
}

static const struct row syslog_5424[] = {
	/* RFC 5424 §6.5, examples 1 to 4 */
	{ LOG_SYSLOG, S("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xEF\xBB\xBF'su root' failed for lonvick on /dev/pts/8"),
	  S("_format=syslog;priority=#34;facility=#4;severity=#2;timestamp=2003-10-11T22:14:15.003Z;hostname=mymachine.example.com;"
	    "appname=su;msgid=ID47;message='su root' failed for lonvick on /dev/pts/8;@2003-10-11T22:14:15.003000Z") },
	{ LOG_SYSLOG, S("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts."),
	  S("_format=syslog;priority=#165;facility=#20;severity=#5;timestamp=2003-08-24T05:14:15.000003-07:00;hostname=192.0.2.1;"
	    "appname=myproc;procid=8710;message=%% It's time to make the do-nuts.;@2003-08-24T12:14:15.000003Z") },
	{ LOG_SYSLOG, S("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
			"eventSource=\"Application\" eventID=\"1011\"] \xEF\xBB\xBF" "An application event log entry..."),
	  S("_format=syslog;priority=#165;facility=#20;severity=#5;timestamp=2003-10-11T22:14:15.003Z;hostname=mymachine.example.com;"
	    "appname=evntslog;msgid=ID47;exampleSDID@32473.iut=3;exampleSDID@32473.eventSource=Application;"
	    "exampleSDID@32473.eventID=1011;message=An application event log entry...;@2003-10-11T22:14:15.003000Z") },
	{ LOG_SYSLOG, S("<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\"]"
			"[examplePriority@32473 class=\"high\"]"),
	  S("_format=syslog;priority=#165;facility=#20;severity=#5;timestamp=2003-10-11T22:14:15.003Z;hostname=mymachine.example.com;"
	    "appname=evntslog;msgid=ID47;exampleSDID@32473.iut=3;examplePriority@32473.class=high;message=;@2003-10-11T22:14:15.003000Z") },
	/* nil values, escapes */
	{ LOG_SYSLOG, S("<0>1 - - - - - - x"), S("_format=syslog;priority=#0;facility=#0;severity=#0;message=x;") },
	{ LOG_SYSLOG, S("<191>1 - - - - - -"), S("_format=syslog;priority=#191;facility=#23;severity=#7;message=;") },
	{ LOG_SYSLOG, S("<13>1 - h a - - [x a=\"1 \\\"2\\\" \\] \\\\ \\n\" b=\"\"][y] m"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;x.a=1 \"2\" ] \\ \\n;x.b=;message=m;") },
	{ LOG_SYSLOG, S("61 <13>1 - h a - - - counted"), S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;message=counted;") },
	/* §6.2.3.1: examples that must not be taken */
	{ LOG_SYSLOG, S("<13>1 2003-08-24T05:14:15.000000003-7:00 h a - - -"), S("(bad)") },
	{ LOG_SYSLOG, S("<13>1 2003-02-30T05:14:15Z h a - - -"), S("(bad)") },
	{ LOG_SYSLOG, S("<13>1 - h a - - [x a=\"1\" "), S("(bad)") },
	{ LOG_SYSLOG, S("<13>1 - h a - - [x a=1] m"), S("(bad)") },
	{ LOG_SYSLOG, S("<13>1 - h a -"), S("(bad)") },
	{ LOG_SYSLOG, S(""), S("(none)") },
	/* content that has fields */
	{ LOG_SYSLOG, S("<13>1 - h a - - - {\"user\":\"r\\u006fot\",\"n\":7}"),
	  S("user=root;n=#7;_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;") },
	{ LOG_SYSLOG, S("<13>1 - h a - - - @cee: {\"user\":\"x\"}"),
	  S("user=x;_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;") },
	{ LOG_SYSLOG, S("<13>1 - h a - - - {\"user\":\"x\""),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;message={\"user\":\"x\";") },
	{ LOG_SYSLOG, S("<13>1 - h a - - [x y=\"z\"] CEF:0|V|P|1|100|N|5|src=1.2.3.4"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;x.y=z;_format=cef;DeviceVendor=V;DeviceProduct=P;"
	    "DeviceVersion=1;DeviceEventClassID=100;Name=N;Severity=5;src=1.2.3.4;") },
	{ LOG_SYSLOG, S("<13>1 - h a - - - LEEF:1.0|V|P|1|E|usrName=x\tsrc=y"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;_format=leef;DeviceVendor=V;DeviceProduct=P;"
	    "DeviceVersion=1;EventID=E;usrName=x;src=y;") },
	{ LOG_SYSLOG, S("<13>1 - h a - - - CEF:0|broken"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;hostname=h;appname=a;message=CEF:0|broken;") },
};

static const struct row syslog_3164[] = {
	/* RFC 3164 §5.4 */
	{ LOG_SYSLOG, S("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"),
	  S("_format=syslog;priority=#34;facility=#4;severity=#2;timestamp=Oct 11 22:14:15;hostname=mymachine;appname=su;"
	    "message='su root' failed for lonvick on /dev/pts/8;@2025-10-11T22:14:15.000000Z") },
	{ LOG_SYSLOG, S("Use the BFG!"), S("_format=syslog;message=Use the BFG!;") },
	{ LOG_SYSLOG, S("<165>Aug 24 05:34:00 10.1.2.3 sched[0]: That's All Folks!"),
	  S("_format=syslog;priority=#165;facility=#20;severity=#5;timestamp=Aug 24 05:34:00;hostname=10.1.2.3;appname=sched;procid=0;"
	    "message=That's All Folks!;@2025-08-24T05:34:00.000000Z") },
	/* the year: not more than a day ahead */
	{ LOG_SYSLOG, S("Jan  2 23:59:59 h a: m"),
	  S("_format=syslog;timestamp=Jan  2 23:59:59;hostname=h;appname=a;message=m;@2026-01-02T23:59:59.000000Z") },
	{ LOG_SYSLOG, S("Jan  3 00:00:01 h a: m"),
	  S("_format=syslog;timestamp=Jan  3 00:00:01;hostname=h;appname=a;message=m;@2025-01-03T00:00:01.000000Z") },
	{ LOG_SYSLOG, S("Feb 29 00:00:00 h a: m"),
	  S("_format=syslog;timestamp=Feb 29 00:00:00;hostname=h;appname=a;message=m;@2024-02-29T00:00:00.000000Z") },
	{ LOG_SYSLOG, S("Feb 28 2019 00:00:00 h a: m"),
	  S("_format=syslog;timestamp=Feb 28 2019 00:00:00;hostname=h;appname=a;message=m;@2019-02-28T00:00:00.000000Z") },
	{ LOG_SYSLOG, S("<13>Feb 28 00:00:00.250 h a: m"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;timestamp=Feb 28 00:00:00.250;hostname=h;appname=a;message=m;"
	    "@2025-02-28T00:00:00.250000Z") },
	/* what daemons write today */
	{ LOG_SYSLOG, S("2024-03-01T10:00:00.123456+01:00 web01 sshd[4242]: Failed password for root from 192.0.2.7 port 22 ssh2"),
	  S("_format=syslog;timestamp=2024-03-01T10:00:00.123456+01:00;hostname=web01;appname=sshd;procid=4242;"
	    "message=Failed password for root from 192.0.2.7 port 22 ssh2;@2024-03-01T09:00:00.123456Z") },
	{ LOG_SYSLOG, S("Oct 11 22:14:15 su: no host"),
	  S("_format=syslog;timestamp=Oct 11 22:14:15;appname=su;message=no host;@2025-10-11T22:14:15.000000Z") },
	{ LOG_SYSLOG, S("<189>123: *Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured from console"),
	  S("_format=syslog;priority=#189;facility=#23;severity=#5;timestamp=Mar  1 18:46:11;appname=%SYS-5-CONFIG_I;"
	    "message=Configured from console;@2025-03-01T18:46:11.000000Z") },
	{ LOG_SYSLOG, S("<13>no time at all"), S("_format=syslog;priority=#13;facility=#1;severity=#5;message=no time at all;") },
	{ LOG_SYSLOG, S("<999>x"), S("_format=syslog;message=<999>x;") },
	{ LOG_SYSLOG, S("<13>Jul  1 00:00:00 fw date=2024-01-01 srcip=\"10.0.0.1\" msg=\"a b\""),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;timestamp=Jul  1 00:00:00;hostname=fw;_format=kv;date=2024-01-01;"
	    "srcip=10.0.0.1;msg=a b;@2025-07-01T00:00:00.000000Z") },
	{ LOG_SYSLOG, S("<13>Jul  1 00:00:00 h sshd[1]: session opened for user root by (uid=0)"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;timestamp=Jul  1 00:00:00;hostname=h;appname=sshd;procid=1;"
	    "message=session opened for user root by (uid=0);@2025-07-01T00:00:00.000000Z") },
};

static const struct row cef[] = {
	/* the examples of the format's own text */
	{ LOG_CEF, S("CEF:0|Security|threatmanager|1.0|100|worm successfully stopped|10|src=10.0.0.1 dst=2.1.2.2 spt=1232"),
	  S("_format=cef;DeviceVendor=Security;DeviceProduct=threatmanager;DeviceVersion=1.0;DeviceEventClassID=100;"
	    "Name=worm successfully stopped;Severity=10;src=10.0.0.1;dst=2.1.2.2;spt=1232;") },
	{ LOG_CEF, S("CEF:0|security|threatmanager|1.0|100|detected a \\| in message|10|src=10.0.0.1 act=blocked a | dst=1.1.1.1"),
	  S("_format=cef;DeviceVendor=security;DeviceProduct=threatmanager;DeviceVersion=1.0;DeviceEventClassID=100;"
	    "Name=detected a | in message;Severity=10;src=10.0.0.1;act=blocked a |;dst=1.1.1.1;") },
	{ LOG_CEF, S("CEF:0|security|threat\\\\manager|1.0|100|n|10|src=10.0.0.1 act=blocked a \\\\ dst=1.1.1.1"),
	  S("_format=cef;DeviceVendor=security;DeviceProduct=threat\\manager;DeviceVersion=1.0;DeviceEventClassID=100;"
	    "Name=n;Severity=10;src=10.0.0.1;act=blocked a \\;dst=1.1.1.1;") },
	{ LOG_CEF, S("CEF:0|s|t|1|100|n|10|act=blocked a \\= dst=1.1.1.1 msg=a\\nb"),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;"
	    "act=blocked a =;dst=1.1.1.1;msg=a\nb;") },
	/* keys end at the last blank before "="; what is no key stays value */
	{ LOG_CEF, S("CEF:0|s|t|1|100|n|10|request=http://x/?a=b&c=d  fname=my file.txt filePath=C:\\Users\\x"),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;"
	    "request=http://x/?a=b&c=d;fname=my file.txt;filePath=C:\\Users\\x;") },
	{ LOG_CEF, S("CEF:0|s|t|1|100|n|10|cs1Label=Rule Name cs1=Block all cn1=5 cn1Label=Hits cs2Label=None"),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;"
	    "cs1Label=Rule Name;cs1=Block all;cn1=5;cn1Label=Hits;cs2Label=None;Rule Name=Block all;Hits=5;") },
	{ LOG_CEF, S("CEF:0|s|t|1|100|n|10|rt=1704067200123 suser="),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;"
	    "rt=1704067200123;suser=;@2024-01-01T00:00:00.123000Z") },
	{ LOG_CEF, S("CEF:0|s|t|1|100|n|10|rt=Jan 01 2024 00:00:01 UTC"),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;"
	    "rt=Jan 01 2024 00:00:01 UTC;@2024-01-01T00:00:01.000000Z") },
	{ LOG_CEF, S("CEF:1|s|t|1|100|n|10"),
	  S("_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;DeviceEventClassID=100;Name=n;Severity=10;") },
	{ LOG_CEF, S("Sep 19 08:26:10 host CEF:0|s|t|1|100|n|10|"),
	  S("_format=syslog;timestamp=Sep 19 08:26:10;hostname=host;_format=cef;DeviceVendor=s;DeviceProduct=t;DeviceVersion=1;"
	    "DeviceEventClassID=100;Name=n;Severity=10;@2025-09-19T08:26:10.000000Z") },
	{ LOG_CEF, S("CEF:0|s|t|1|100"), S("(bad)") },
};

static const struct row leef[] = {
	{ LOG_LEEF, S("LEEF:1.0|Microsoft|MSExchange|2007|7732|src=10.50.1.1\tdst=2.10.20.20\tspt=1200"),
	  S("_format=leef;DeviceVendor=Microsoft;DeviceProduct=MSExchange;DeviceVersion=2007;EventID=7732;src=10.50.1.1;dst=2.10.20.20;spt=1200;") },
	{ LOG_LEEF, S("LEEF:2.0|Lancope|StealthWatch|1.0|41|^|src=10.0.1.8^dst=10.0.0.5^sev=5^url=a=b^x"),
	  S("_format=leef;DeviceVendor=Lancope;DeviceProduct=StealthWatch;DeviceVersion=1.0;EventID=41;src=10.0.1.8;dst=10.0.0.5;sev=5;url=a=b;") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E|0x5E|a=1^b=2"), S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1;b=2;") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E|x7c|a=1|b=2"), S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1;b=2;") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E||a=1\tb=2 3"), S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1;b=2 3;") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E|devTime=1704067200000\tb=2"),
	  S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;devTime=1704067200000;b=2;@2024-01-01T00:00:00.000000Z") },
	{ LOG_LEEF, S("LEEF:1.0|V|P|1|E|x7C|a=1|b=2"), S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1;b=2;") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E|a=1|2\tb=2"), S("_format=leef;DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1|2;b=2;") },
	{ LOG_LEEF, S("<13>1 2024-01-18T11:07:53.520Z 192.0.2.1 LEEF:1.0|V|P|1|E|a=1"),
	  S("_format=syslog;priority=#13;facility=#1;severity=#5;timestamp=2024-01-18T11:07:53.520Z;hostname=192.0.2.1;_format=leef;"
	    "DeviceVendor=V;DeviceProduct=P;DeviceVersion=1;EventID=E;a=1;@2024-01-18T11:07:53.520000Z") },
	{ LOG_LEEF, S("LEEF:2.0|V|P|1|E|0xZZ|a=1"), S("(bad)") },
	{ LOG_LEEF, S("LEEF:1.0|V|P"), S("(bad)") },
};

static const struct row zeek[] = {
	{ LOG_ZEEK, S("1\t2"), S("(bad)") },
	{ LOG_ZEEK, S("#separator \\x09"), S("(none)") },
	{ LOG_ZEEK, S("#set_separator\t,"), S("(none)") },
	{ LOG_ZEEK, S("#empty_field\t(empty)"), S("(none)") },
	{ LOG_ZEEK, S("#unset_field\t-"), S("(none)") },
	{ LOG_ZEEK, S("#path\thttp"), S("(none)") },
	{ LOG_ZEEK, S("#open\t2019-01-01-00-00-00"), S("(none)") },
	{ LOG_ZEEK, S("#fields\tts\tuser\tid.resp_p\tok\ttags\tns\thost"), S("(none)") },
	{ LOG_ZEEK, S("#types\ttime\tstring\tport\tbool\tset[enum]\tvector[count]\taddr"), S("(none)") },
	{ LOG_ZEEK, S("1521911720.600725\ta\\x09b\\\\c\t80\tT\tX,Y\\x2cZ\t1,-,2\t10.0.0.1"),
	  S("_format=zeek;_path=http;ts=#1521911720.600725;user=a\tb\\c;id.resp_p=#80;ok=!true;tags=*X;tags=*Y,Z;ns=*#1;ns=*#2;host=10.0.0.1;"
	    "@2018-03-24T17:15:20.600725Z") },
	{ LOG_ZEEK, S("1521911720.600725\t(empty)\t-\tF\t(empty)\t-\t\\x2d"),
	  S("_format=zeek;_path=http;ts=#1521911720.600725;user=;ok=!false;host=-;@2018-03-24T17:15:20.600725Z") },
	{ LOG_ZEEK, S("1\t2"), S("(bad)") },
	{ LOG_ZEEK, S("1\ta\t80\tT\tX\t1\tz\tmore"), S("(bad)") },
	{ LOG_ZEEK, S("#close\t2019-01-01-00-00-00"), S("(none)") },
	/* another log behind it */
	{ LOG_ZEEK, S("#separator |"), S("(none)") },
	{ LOG_ZEEK, S("#path|dns"), S("(none)") },
	{ LOG_ZEEK, S("#fields|user"), S("(none)") },
	{ LOG_ZEEK, S("x"), S("_format=zeek;_path=dns;user=x;") },
};

static const struct row kv[] = {
	{ LOG_KV, S("user=root action=\"log in\" why='a \"b\"' n=7"), S("_format=kv;user=root;action=log in;why=a \"b\";n=7;") },
	{ LOG_KV, S("a=\"x \\\"y\\\" \\\\z\", b=1,c=2; d="), S("_format=kv;a=x \"y\" \\z;b=1,c=2;d=;") },
	{ LOG_KV, S("a=\"open b=1"), S("_format=kv;a=\"open;b=1;") },
	{ LOG_KV, S("kernel: IN=eth0 OUT= SRC=1.2.3.4 DF"), S("_format=kv;IN=eth0;OUT=;SRC=1.2.3.4;message=kernel: IN=eth0 OUT= SRC=1.2.3.4 DF;") },
	{ LOG_KV, S("date=2026-01-02,time=03:04:05,msg=\"a,b=c\",why=two words, and more,n=1,"),
	  S("_format=kv;date=2026-01-02;time=03:04:05;msg=a,b=c;why=two words, and more;n=1;") },
	{ LOG_KV, S("a=\"x\";b=y z;c="), S("_format=kv;a=x;b=y z;c=;") },
	{ LOG_KV, S("src=1.2.3.4|dst=5.6.7.8|url=http://x/?a|b"), S("_format=kv;src=1.2.3.4;dst=5.6.7.8;url=http://x/?a|b;") },
	{ LOG_KV, S("dn=CN=x,OU=y user=z"), S("_format=kv;dn=CN=x,OU=y;user=z;") },
	{ LOG_KV, S("flags=a,b=c user=z"), S("_format=kv;flags=a,b=c;user=z;") },
	{ LOG_KV, S("flags=a,b=c"), S("_format=kv;flags=a;b=c;") },
	{ LOG_KV, S("url=http://x/?a=b c=d"), S("_format=kv;url=http://x/?a=b;c=d;") },
	{ LOG_KV, S("nothing here"), S("(bad)") },
};

static const struct row auditd[] = {
	{ LOG_AUDITD, S("type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no exit=-13 a0=7fffd19c5592 a1=20 "
			"comm=\"cat\" exe=\"/bin/cat\" key=\"sshd_config\""),
	  S("_format=auditd;type=SYSCALL;msg=audit(1364481363.243:24287);serial=24287;arch=c000003e;syscall=2;success=no;exit=-13;"
	    "a0=7fffd19c5592;a1=20;comm=cat;exe=/bin/cat;key=sshd_config;@2013-03-28T14:36:03.243000Z") },
	{ LOG_AUDITD, S("type=EXECVE msg=audit(1364481363.243:1): argc=3 a0=\"sh\" a1=2D63 a2=6563686F2068690A21 a3[0]=4142"),
	  S("_format=auditd;type=EXECVE;msg=audit(1364481363.243:1);serial=1;argc=3;a0=sh;a1=-c;a2=echo hi\n!;a3[0]=AB;"
	    "@2013-03-28T14:36:03.243000Z") },
	{ LOG_AUDITD, S("type=PROCTITLE msg=audit(1364481363.243:1): proctitle=636174002F6574632F736861646F77"),
	  S("_format=auditd;type=PROCTITLE;msg=audit(1364481363.243:1);serial=1;proctitle=cat /etc/shadow;@2013-03-28T14:36:03.243000Z") },
	{ LOG_AUDITD, S("node=db1 type=USER_AUTH msg=audit(1364475353.159:24270): pid=3280 uid=1000 msg='op=PAM:authentication acct=\"root\" "
			"exe=\"/bin/su\" hostname=? res=failed'\x1dUID=\"tony\""),
	  S("_format=auditd;node=db1;type=USER_AUTH;msg=audit(1364475353.159:24270);serial=24270;pid=3280;uid=1000;op=PAM:authentication;"
	    "acct=root;exe=/bin/su;hostname=?;res=failed;UID=tony;@2013-03-28T12:55:53.159000Z") },
	{ LOG_AUDITD, S("type=PATH msg=audit(1.000:1): item=0 name=2F746D702F6120622E747874 nametype=DELETE key=(null)"),
	  S("(bad)") },
	{ LOG_AUDITD, S("type=PATH msg=audit(1364475353.159:7): name=\"C:\\\" nametype=NORMAL key=(null)"),
	  S("_format=auditd;type=PATH;msg=audit(1364475353.159:7);serial=7;name=C:\\;nametype=NORMAL;key=(null);@2013-03-28T12:55:53.159000Z") },
	{ LOG_AUDITD, S("type=PATH"), S("(bad)") },
};

static const struct row others[] = {
	{ LOG_TEXT, S("any line\r"), S("_format=text;message=any line;") },
	{ LOG_TEXT, S("\r"), S("(none)") },
	{ LOG_JSON, S("{\"user\":1}"), S("user=#1;") },
	{ LOG_JSON, S("["), S("(none)") },
	{ LOG_JSON, S("  {\"user\":1},"), S("user=#1;") },
	{ LOG_JSON, S(",{\"user\":[1]}"), S("user=*#1;") },
	{ LOG_JSON, S("[{\"user\":2},"), S("user=#2;") },
	{ LOG_JSON, S("{\"user\":3}]"), S("user=#3;") },
	{ LOG_JSON, S("]"), S("(none)") },
	{ LOG_JSON, S("{\"user\":3"), S("(bad)") },
	{ LOG_JSON, S("{\"user\":3}}"), S("(bad)") },
};

static void test_detect(void)
{
	static const struct {
		struct str head;
		enum log_format format;
	} rows[] = {
		{ S("ElfFile\0x"), LOG_EVTX },
		{ S("{\"a\":1}\n{\"a\":2}\n"), LOG_JSON },
		{ S("\xEF\xBB\xBF\r\n  {\n \"a\": 1\n}"), LOG_JSON },
		{ S("[\n  {\"a\":1}\n]"), LOG_JSON },
		{ S("[{\"a\":1}]"), LOG_JSON },
		{ S("[2024-01-01] text in brackets"), LOG_TEXT },
		{ S("{curly} text"), LOG_TEXT },
		{ S("#separator \\x09\n#fields\tts\n"), LOG_ZEEK },
		{ S("CEF:0|a|b|c|d|e|f|g=h"), LOG_CEF },
		{ S("LEEF:2.0|a|b|c|d|^|g=h"), LOG_LEEF },
		{ S("<34>1 2003-10-11T22:14:15.003Z h a - - -"), LOG_SYSLOG },
		{ S("Oct 11 22:14:15 mymachine su: x"), LOG_SYSLOG },
		{ S("2024-03-01T10:00:00+01:00 web01 sshd[1]: x"), LOG_SYSLOG },
		{ S("banner of a daemon\nOct 11 22:14:15 mymachine su: x"), LOG_SYSLOG },
		{ S("type=SYSCALL msg=audit(1364481363.243:24287): a=b"), LOG_AUDITD },
		{ S("node=x type=SYSCALL msg=audit(1364481363.243:24287): a=b"), LOG_AUDITD },
		{ S("date=2024-01-01 time=00:00:00 devname=\"fw 1\""), LOG_KV },
		{ S("once upon a time x=y"), LOG_TEXT },
		{ S(""), LOG_TEXT },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_STR(str_of(log_format_name(log_format_detect(rows[i].head))), str_of(log_format_name(rows[i].format)), "detected");
	EQ_INT(log_format_find(S("Syslog")), LOG_SYSLOG, "found by name");
	EQ_INT(log_format_find(S("unknown")), LOG_UNKNOWN, "and not found");
}

static void test_memory(void)
{
	struct log_lines *l;
	struct err err;
	bool event;

	OK(log_lines_new(LOG_EVTX, dict, NOW, &l, &err) == RC_BAD, "no format of lines");
	for (uint64_t n = 1;; n++) {
		int64_t live = mem_live();
		enum rc rc;

		l = NULL;
		mem_fail_at(n, 1);
		rc = log_lines_new(LOG_ZEEK, dict, NOW, &l, &err);
		if (rc == RC_OK)
			rc = log_lines_next(l, f, S("#separator \\x09"), &event, &err);
		if (rc == RC_OK)
			rc = log_lines_next(l, f, S("#fields\ta\tb"), &event, &err);
		mem_fail_at(0, 0);
		log_lines_free(l);
		OK(mem_live() == live, "allocation %d fails and nothing stays", (int)n);
		if (rc == RC_OK)
			break;
	}
}

static void test_fields(void)
{
	struct log_lines *l;
	struct err err;
	bool event;

	OK(log_lines_new(LOG_KV, dict, NOW, &l, &err) == RC_OK && log_lines_next(l, f, S("user=x b=y\r"), &event, &err) == RC_OK, "a line");
	EQ_INT(f->v[1].field, user_id, "a field that is asked for");
	EQ_INT(f->v[2].field, FIELD_NONE, "and one that is not");
	EQ_STR(f->raw, S("user=x b=y"), "the line itself");
	EQ_INT(f->format, LOG_KV, "its format");
	log_lines_free(l);
}

int main(void)
{
	struct err err;

	dict = fields_new();
	if (dict == NULL || fields_add(dict, S("user"), &user_id, &err) != RC_OK || flat_new(&f, &err) != RC_OK)
		return 1;
	run("RFC 5424", syslog_5424, COUNTOF(syslog_5424));
	run("RFC 3164", syslog_3164, COUNTOF(syslog_3164));
	run("CEF", cef, COUNTOF(cef));
	run("LEEF", leef, COUNTOF(leef));
	run("Zeek", zeek, COUNTOF(zeek));
	run("key=value", kv, COUNTOF(kv));
	run("auditd", auditd, COUNTOF(auditd));
	run("others", others, COUNTOF(others));
	test_detect();
	test_memory();
	test_fields();
	flat_free(f);
	fields_free(dict);
	EQ_INT(mem_live(), 0, "all memory is given back");
	return tap_done();
}
